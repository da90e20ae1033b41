import { answerToChange } from '../answers.ts';
import { exitCodes } from '../exit-code.ts';
import { renderUndo, renderUndoQuestion } from '../render/undo.ts';
import { type Verb, verb } from '../verb.ts';
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
      ask: (question) =>
        answerToChange(input, {
          target: question.target,
          shown: renderUndoQuestion(question),
          whether: `${environment} may be changed`,
          asked: 'Take this back?',
          named: 'take this back',
          retype: `drydock undo ${environment}${flags.to === undefined ? '' : ` --to ${flags.to}`}`,
        }),
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
