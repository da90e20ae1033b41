// The verbs of the command `drydock`: one line for each, in the order of the process.

import { buildApplication, buildRouteMap, run, type StricliProcess, text_en } from '@stricli/core';
import packageJson from '../../package.json' with { type: 'json' };
import { adopt } from './commands/adopt.ts';
import { apply } from './commands/apply.ts';
import { approve } from './commands/approve.ts';
import { arm } from './commands/arm.ts';
import { backup } from './commands/backup.ts';
import { backups } from './commands/backups.ts';
import { check } from './commands/check.ts';
import { demo } from './commands/demo.ts';
import { deploy } from './commands/deploy.ts';
import { disarm } from './commands/disarm.ts';
import { drill } from './commands/drill.ts';
import { dropBroken } from './commands/drop-broken.ts';
import { evidence } from './commands/evidence.ts';
import { finalize } from './commands/finalize.ts';
import { freeze, unfreeze } from './commands/freeze.ts';
import { health } from './commands/health.ts';
import { history } from './commands/history.ts';
import { init } from './commands/init.ts';
import { monitor } from './commands/monitor.ts';
import { newCommand } from './commands/new.ts';
import { pause, resume } from './commands/pause.ts';
import { preflight } from './commands/preflight.ts';
import { prove } from './commands/prove.ts';
import { prune } from './commands/prune.ts';
import { recover } from './commands/recover.ts';
import { rehearse } from './commands/rehearse.ts';
import { rescue } from './commands/rescue.ts';
import { resign } from './commands/resign.ts';
import { restore } from './commands/restore.ts';
import { rollback } from './commands/rollback.ts';
import { salvage } from './commands/salvage.ts';
import { schema } from './commands/schema.ts';
import { status } from './commands/status.ts';
import { undo } from './commands/undo.ts';
import { tellUsage } from './usage.ts';

const routes = buildRouteMap({
  routes: {
    demo,
    init,
    new: newCommand,
    check,
    arm,
    apply,
    backup,
    backups,
    prove,
    rehearse,
    preflight,
    approve,
    evidence,
    freeze,
    unfreeze,
    deploy,
    health,
    monitor,
    status,
    history,
    pause,
    resume,
    resign,
    adopt,
    drill,
    recover,
    undo,
    finalize,
    rescue,
    disarm,
    restore,
    rollback,
    salvage,
    dropBroken,
    prune,
    schema,
  },
  docs: {
    brief: 'Takes a PostgreSQL migration from a file to production, and back without loss',
  },
});

const application = buildApplication(routes, {
  name: 'drydock',
  versionInfo: { currentVersion: packageJson.version },
  scanner: { caseStyle: 'allow-kebab-for-camel', allowArgumentEscapeSequence: true },
  documentation: { caseStyle: 'convert-camel-to-kebab', onlyRequiredInUsageLine: true },
  // The usual text is too long for 80 columns beside the name of a long flag.
  localization: {
    text: {
      ...text_en,
      briefs: { ...text_en.briefs, argumentEscapeSequence: 'Everything after this is an argument' },
    },
  },
});

// What the argument parser cannot read it says on standard error, with a negative status of its own:
// it becomes a failure like every other.
let said = '';
const parser: StricliProcess = {
  stdout: process.stdout,
  stderr: {
    write: (text) => {
      said += text;
    },
  },
  env: process.env,
};
const args = process.argv.slice(2);
await run(application, args, { process: parser });
if (Number(parser.exitCode) < 0) tellUsage(said, args);
else process.stderr.write(said);
