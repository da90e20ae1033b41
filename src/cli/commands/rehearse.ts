import { resolve } from 'node:path';
import { exitCodes } from '../exit-code.ts';
import { styler } from '../render/failure.ts';
import { renderRehearsal } from '../render/rehearsal.ts';
import { type Verb, verb } from '../verb.ts';
import { environmentArgument, migrationArgument } from './arguments.ts';

export const rehearse: Verb = verb({
  name: 'rehearse',
  brief: 'Run the pending migrations on a restored copy, and time them',
  description:
    "Restores the newest backup into a throw-away server, compares it with its manifest, runs the pending migrations on it with the same code that runs them for real, and reports what each statement did: its locks and whom they block, rewrites, scans, rows. From the environment's traffic it says who would wait. Exit 4 when the plan fails there, is over the budget of the configuration, or rows are gone that no statement names.",
  args: [environmentArgument, migrationArgument],
  run: async ({ project, cwd }, environment = '', file) => {
    const { rehearseChange } = await import('../../rehearsals.ts');
    const report = await rehearseChange(await project(), {
      environment,
      file: file?.includes('/') ? resolve(cwd, file) : file,
    });
    const { problems = [] } = report;
    return {
      data: report,
      text: renderRehearsal(report, styler(process.stdout)),
      exit: problems.length > 0 ? exitCodes.rehearsalFailed : exitCodes.done,
    };
  },
});
