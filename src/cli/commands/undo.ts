import { Failure } from '../../core/failure.ts';
import type { UndoQuestion } from '../../process/undoing.ts';
import { askText, askYes, wrongName } from '../answers.ts';
import { exitCodes } from '../exit-code.ts';
import { renderUndo, renderUndoQuestion } from '../render/undo.ts';
import { type CommandInput, type Verb, verb } from '../verb.ts';
import {
  answerFlags,
  environmentArgument,
  givenDuration,
  lockPatienceFlag,
  reasonFlag,
} from './arguments.ts';

interface Flags {
  readonly yes?: boolean;
  readonly confirm?: string;
  readonly to?: string;
  readonly reason?: string;
  readonly dryRun?: boolean;
  readonly lockPatience?: string;
}

export const undo: Verb = verb<Flags>({
  name: 'undo',
  brief: 'Emergency: take the last change back in place, keep later writes',
  description:
    'Takes the plan that was applied last back, in place and while the application goes on: first the rows, in batches, where nobody has written since; then the schema, in one short transaction. Works where `undo: true` stood in the configuration at the apply and its rehearsal has proven the way back. What cannot be put back is written to a file, row by row, and the exit status is 8. What stops half-way is gone on with by the same command. Without a terminal give --yes, and for a guarded environment --confirm with the name of the database.',
  args: [environmentArgument],
  flags: {
    ...answerFlags,
    to: {
      kind: 'text',
      placeholder: 'number',
      brief: 'Take back all plans after this migration',
    },
    reason: reasonFlag,
    dryRun: { kind: 'switch', brief: 'Show what would be taken back; change nothing' },
    lockPatience: lockPatienceFlag,
  },
  run: async (input, environment = '') => {
    const { undoChange } = await import('../../process/undoing.ts');
    const { flags } = input;
    const report = await undoChange(await input.project(), {
      environment,
      to: flags.to,
      reason: flags.reason,
      dryRun: flags.dryRun,
      lockPatienceMs: givenDuration('--lock-patience', flags.lockPatience),
      ask: (question) => answer(input, question),
    });
    const isWhole = report.plans.every(({ leftOver }) => leftOver === 0);
    const done = isWhole ? exitCodes.done : exitCodes.needsPerson;
    return {
      data: report,
      text: renderUndo(report),
      exit: report.outcome === 'declined' ? exitCodes.gateClosed : done,
    };
  },
});

async function answer(
  { flags, interactive, say }: CommandInput<Flags>,
  question: UndoQuestion,
): Promise<boolean> {
  const { environment, address } = question.target;
  const { database } = address;
  if (flags.confirm !== undefined && flags.confirm !== database) {
    throw wrongName(flags.confirm, database);
  }
  say(renderUndoQuestion(question));
  const wantsName = environment.guarded;
  const answered = flags.yes === true && (!wantsName || flags.confirm === database);
  if (answered) return true;
  if (!interactive) {
    throw new Failure({
      code: 'usage/nobody-to-ask',
      message: `there is no terminal to ask whether ${environment.name} may be changed`,
      hint: `Answer by flags: drydock undo ${environment.name} --yes${wantsName ? ` --confirm ${database}` : ''}`,
    });
  }
  return wantsName
    ? (await askText(`Type the name of the database to take this back (${database})`)) === database
    : askYes('Take this back?');
}
