import { type Verb, verb } from '../verb.ts';
import { environmentArgument, reasonFlag } from './arguments.ts';

export const disarm: Verb = verb<{ readonly reason?: string }>({
  name: 'disarm',
  brief: 'Give up the rescue of the last change, and free its log',
  description:
    'Drops the replication slot or the triggers and their log, the copy beside the live database, the publication and the marks, and gives the tables their replica identity back. Works at any time, also after a command was killed. What was written stays as it is; only the way back by `drydock rescue` is gone.',
  args: [environmentArgument],
  flags: { reason: reasonFlag },
  run: async (input, environment = '') => {
    const { disarmEnvironment } = await import('../../process/disarming.ts');
    const project = await input.project();
    const report = await disarmEnvironment(project, { environment, reason: input.flags.reason });
    const copy = report.copy === null ? '' : `, and ${report.copy} is dropped`;
    return {
      data: report,
      text: `${environment} is disarmed: its log is gone${copy}.`,
    };
  },
});
