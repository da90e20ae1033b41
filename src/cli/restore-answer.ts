// Who answers the question before a swap. Asked for at the start: a restore that nobody can confirm is
// refused before it spends minutes on building.

import { Failure } from '../core/failure.ts';
import type { Target } from '../process/project.ts';
import type { SwapQuestion } from '../restore/restore.ts';
import { type AnswerFlags, askText, askYes, wrongName } from './answers.ts';
import { renderSwapQuestion } from './render/restore.ts';
import type { CommandInput } from './verb.ts';

/** The answer to the swap of a target, by flags or by a person. */
export function swapAnswerFrom(
  input: CommandInput<AnswerFlags>,
  { environment, address }: Target,
): (question: SwapQuestion) => Promise<boolean> {
  const { flags, interactive, say } = input;
  const { database } = address;
  const wantsName = environment.guarded;
  if (flags.confirm !== undefined && flags.confirm !== database) {
    throw wrongName(flags.confirm, database);
  }
  const answered = flags.yes === true && (!wantsName || flags.confirm === database);
  if (!answered && !interactive) {
    throw new Failure({
      code: 'usage/nobody-to-ask',
      message: `there is no terminal to ask whether ${environment.name} may be replaced, and no program or agent may decide that by itself`,
      hint: `A person decides it at a terminal, or gives a program the same command with: --yes${wantsName ? ` --confirm ${database}` : ''}`,
    });
  }
  return async (question) => {
    say(renderSwapQuestion(question));
    const asked = wantsName
      ? `Type the name of the database to replace it (${database})`
      : `Put the restored database in the place of ${database}?`;
    if (!answered) {
      return wantsName ? (await askText(asked)) === database : askYes(asked);
    }
    say(wantsName ? `${asked}\n  ${database}, by --confirm` : `${asked}  yes, by --yes`);
    return true;
  };
}
