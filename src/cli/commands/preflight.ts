import { resolve } from 'node:path';
import { dryRun } from '../dry-run.ts';
import { exitCodes } from '../exit-code.ts';
import { renderPreflight } from '../render/gates.ts';
import { type Verb, verb } from '../verb.ts';
import { environmentArgument, gateFlags, migrationArgument } from './arguments.ts';

interface Flags {
  readonly waive?: readonly string[];
  readonly toldBy?: string;
  readonly notify?: boolean;
}

export const preflight: Verb = verb<Flags>({
  name: 'preflight',
  brief: 'Show where an environment stands, and the whole checklist',
  description:
    'Shows where an environment stands and how its application is, then judges every line of the pre-production checklist for the pending migrations and says how to open what is closed. Reads only, unless --notify or --told-by records that the team knows. Exit 5 when a gate is closed; a proven backup does not count, as `drydock apply` takes one itself. Exit 9 when nothing is pending and the application is ill.',
  args: [environmentArgument, migrationArgument],
  flags: {
    ...gateFlags,
    notify: { kind: 'switch', brief: 'Tell the team now, by the webhooks of the configuration' },
  },
  run: async ({ project, flags, cwd }, environment = '', file) => {
    const { preflightChange } = await import('../../process/preflight.ts');
    const { statusOf } = await import('../../process/outlook.ts');
    const { closedGates, parseWaiver } = await import('../../promotion/judge.ts');
    const opened = await project();
    const found = await preflightChange(opened, {
      environment,
      file: file?.includes('/') ? resolve(cwd, file) : file,
      waivers: (flags.waive ?? []).map((text) => parseWaiver(text, opened.actor.who)),
      toldBy: flags.toldBy,
      notify: flags.notify === true,
    });
    const status = await statusOf(opened, environment);
    const ill = found.gates.length === 0 && found.health?.healthy === false;
    const closed = closedGates(found.gates, 'before').length > 0;
    return {
      data: { ...dryRun(environment, found), status },
      text: renderPreflight(environment, { status, ...found }),
      exit: closed ? exitCodes.gateClosed : ill ? exitCodes.unhealthy : exitCodes.done,
    };
  },
});
