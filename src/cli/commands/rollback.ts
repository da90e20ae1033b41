import { exitCodes } from '../exit-code.ts';
import { renderRollback } from '../render/deploy.ts';
import { type Verb, verb } from '../verb.ts';
import { environmentArgument } from './arguments.ts';

export const rollback: Verb = verb({
  name: 'rollback',
  brief: 'Roll the code back to the last healthy release before this one',
  description:
    "Finds in the environment's journal the newest release that was healthy before the one in force, and deploys it. The database is not touched: for that see `drydock recover`. The branch is not touched either: the command that reverts the code in git is shown.",
  args: [environmentArgument],
  run: async ({ project }, environment = '') => {
    const { rollBackRelease } = await import('../../process/releases.ts');
    const report = await rollBackRelease(await project(), { environment });
    return {
      data: report,
      text: renderRollback(report),
      exit: report.health.healthy ? exitCodes.done : exitCodes.unhealthy,
    };
  },
});
