import { exitCodes } from '../exit-code.ts';
import { renderStatus } from '../render/status.ts';
import { type Verb, verb } from '../verb.ts';

export const status: Verb = verb<{ readonly exitCode?: boolean }>({
  name: 'status',
  brief: 'Show where every environment stands',
  description:
    'Shows for each environment (or for one, with its migrations) what is in force, what is pending and how long that has soaked, files edited after they were applied, what of the schema was changed by hand, commands that never ended, and the last health sample. Reads only.',
  args: [{ placeholder: 'environment', brief: 'One environment (default: all)', optional: true }],
  flags: {
    exitCode: { kind: 'switch', brief: 'Exit 11 when something is pending, edited or drifted' },
  },
  run: async ({ project, flags }, environment) => {
    const { statusOf } = await import('../../process/outlook.ts');
    const statuses = await statusOf(await project(), environment);
    const behind = statuses.some(
      ({ migrations, drift }) =>
        drift.length > 0 ||
        migrations.some(({ state }) => ['pending', 'partial', 'changed'].includes(state)),
    );
    return {
      data: { environments: statuses },
      text: renderStatus(statuses, { listed: environment !== undefined }),
      exit: flags.exitCode === true && behind ? exitCodes.pending : exitCodes.done,
    };
  },
});
