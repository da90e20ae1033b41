import { decisionAnswerFrom } from '../answers.ts';
import { exitCodes } from '../exit-code.ts';
import { renderKept } from '../render/kept.ts';
import { renderFinalize } from '../render/undo.ts';
import { type Verb, verb } from '../verb.ts';
import { answerFlags, environmentArgument, reasonFlag } from './arguments.ts';

export const finalize: Verb = verb<{
  readonly yes?: boolean;
  readonly confirm?: string;
  readonly reason?: string;
}>({
  name: 'finalize',
  brief: 'Drop for good what was kept for undo',
  description:
    'Drops the columns and tables that changes have put aside instead of dropping them, and forgets the rows that were noted: from then on those changes cannot be taken back by `drydock undo`. Each thing is dropped in a short turn of its own. `drydock status` shows what is kept and since when.',
  args: [environmentArgument],
  flags: { ...answerFlags, reason: reasonFlag },
  run: async (input, environment = '') => {
    const { finalizeChanges } = await import('../../process/finalizing.ts');
    const ask = decisionAnswerFrom(input, `drydock finalize ${environment}`);
    const report = await finalizeChanges(await input.project(), {
      environment,
      reason: input.flags.reason,
      ask: (target, plans) => {
        input.say(renderKept(plans));
        return ask(target, 'Drop this for good?');
      },
    });
    return {
      data: report,
      text: renderFinalize(report),
      exit: report.outcome === 'declined' ? exitCodes.gateClosed : exitCodes.done,
    };
  },
});
