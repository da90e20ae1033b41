import { Failure } from '../../core/failure.ts';
import type { RescueQuestion } from '../../process/rescuing.ts';
import { askText, askYes, wrongName } from '../answers.ts';
import { exitCodes } from '../exit-code.ts';
import { renderRescue, renderRescueQuestion } from '../render/rescue.ts';
import { type CommandInput, type Verb, verb } from '../verb.ts';
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
    'Plays every write that was acknowledged since the environment was armed into the restored copy, but for what the migration did; compares both databases row by row at one place of the log; closes the live one for a moment, plays the rest, and swaps the names in one transaction. Until then the live database is untouched, and whatever fails it is open again. What the old schema cannot hold is written to a file, and the exit status is 8. The old database is kept under another name. Without a terminal give --yes, and for a guarded environment --confirm with the name of the database.',
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
      ask: (question) => answer(input, question),
    });
    const done = report.file === null ? exitCodes.done : exitCodes.needsPerson;
    return {
      data: report,
      text: renderRescue(report),
      exit: report.outcome === 'declined' ? exitCodes.gateClosed : done,
    };
  },
});

async function answer(
  { flags, interactive, say }: CommandInput<Flags>,
  question: RescueQuestion,
): Promise<boolean> {
  const { environment, address } = question.target;
  const { database } = address;
  if (flags.confirm !== undefined && flags.confirm !== database) {
    throw wrongName(flags.confirm, database);
  }
  say(renderRescueQuestion(question));
  const wantsName = environment.guarded;
  if (flags.yes === true && (!wantsName || flags.confirm === database)) return true;
  if (!interactive) {
    throw new Failure({
      code: 'usage/nobody-to-ask',
      message: `there is no terminal to ask whether the database of ${environment.name} may be swapped, and no program or agent may decide that by itself`,
      hint: `A person decides it at a terminal, or gives a program this very command: drydock rescue ${environment.name} --yes${wantsName ? ` --confirm ${database}` : ''}`,
    });
  }
  return wantsName
    ? (await askText(`Type the name of the database to swap it (${database})`)) === database
    : askYes('Swap them?');
}
