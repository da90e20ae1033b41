// Who answers the question before a swap. Asked for at the start: a restore that nobody can confirm is
// refused before it spends minutes on building.

import type { Target } from '../process/project.ts';
import type { SwapQuestion } from '../restore/restore.ts';
import {
  type AnswerFlags,
  askText,
  askYes,
  assertRightName,
  flagsFor,
  nobodyToAsk,
} from './answers.ts';
import { renderSwapQuestion } from './render/restore.ts';
import type { CommandInput } from './verb.ts';

/**
 * The answer to the swap of a target, by flags or by a person.
 *
 * @param retype the command as it was typed, without its answers
 */
export function swapAnswerFrom(
  input: CommandInput<AnswerFlags>,
  { environment, address }: Target,
  retype: string,
): (question: SwapQuestion) => Promise<boolean> {
  const { flags, interactive, say } = input;
  const { database } = address;
  const wantsName = environment.guarded;
  assertRightName(flags, database);
  const answered = flags.yes === true && (!wantsName || flags.confirm === database);
  if (!answered && !interactive) {
    throw nobodyToAsk({
      whether: `${environment.name} may be replaced`,
      command: `${retype} ${flagsFor({ environment, address }, wantsName)}`,
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
