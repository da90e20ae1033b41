import { answerToChange } from '../answers.ts';
import { exitCodes } from '../exit-code.ts';
import { renderRescue, renderRescueQuestion } from '../render/rescue.ts';
import { type Verb, verb } from '../verb.ts';
import { answerFlags, environmentArgument, reasonFlag } from './arguments.ts';

interface Flags {
  readonly yes?: boolean;
  readonly confirm?: string;
  readonly reason?: string;
  readonly acceptUnexplained?: boolean;
}

export const rescue: Verb = verb<Flags>({
  name: 'rescue',
  brief: 'Emergency: back to before the last change, with every later write',
  description:
    'Plays every write that was acknowledged since the environment was armed into the restored copy, but for what the migration did; compares both databases row by row at one and the same place; closes the live one for a moment, plays the rest, and swaps the names in one transaction. Until then the live database is untouched, and whatever fails it is open again. What the old schema cannot hold is written to a file, and the exit status is 8. The old database is kept under another name. Without a terminal give --yes, and for a guarded environment --confirm with the name of the database.',
  args: [environmentArgument],
  flags: {
    ...answerFlags,
    reason: reasonFlag,
    acceptUnexplained: {
      kind: 'switch',
      brief: 'Swap although rows differ that nothing explains',
    },
  },
  run: async (input, environment = '') => {
    const { rescueEnvironment } = await import('../../process/rescuing.ts');
    const { flags } = input;
    const report = await rescueEnvironment(await input.project(), {
      environment,
      reason: flags.reason,
      acceptUnexplained: flags.acceptUnexplained,
      ask: (question) =>
        answerToChange(input, {
          target: question.target,
          shown: renderRescueQuestion(question),
          whether: `the database of ${environment} may be swapped`,
          asked: 'Swap them?',
          named: 'swap it',
          retype: `drydock rescue ${environment}${flags.acceptUnexplained === true ? ' --accept-unexplained' : ''}`,
        }),
    });
    const done = report.file === null ? exitCodes.done : exitCodes.needsPerson;
    return {
      data: report,
      text: renderRescue(report),
      exit: report.outcome === 'declined' ? exitCodes.gateClosed : done,
    };
  },
});
