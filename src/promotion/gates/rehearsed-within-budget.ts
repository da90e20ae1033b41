// Rehearsed on a copy of the environment, and nothing was seen there that it must not feel.

import { formatDuration } from '../../core/duration.ts';
import { closed, closedUntilApply, type Gate, open } from '../gate.ts';

export const rehearsedWithinBudget: Gate = {
  id: 'rehearsed-within-budget',
  title: 'Rehearsed within budget',
  judge: ({ environment, rehearsal }) => {
    const howToOpen = `drydock rehearse ${environment.name}`;
    if (rehearsal === null) return closedUntilApply('not rehearsed in this apply yet', howToOpen);
    const { problems = [], longestBlock, forecast } = rehearsal;
    const [worst, ...more] = problems;
    if (worst !== undefined) {
      const others = more.length === 0 ? '' : `; and ${more.length} more`;
      return closed(
        `${worst}${others}`,
        `Write it in the safe form that \`drydock check\` names, then: ${howToOpen}`,
      );
    }
    const total = formatDuration(forecast?.totalMs ?? rehearsal.totalMs);
    return longestBlock === null
      ? open(`about ${total}, and no lock on what was there before blocks anybody`)
      : open(
          `about ${total}; ${longestBlock.mode} on ${longestBlock.relation} for ${formatDuration(longestBlock.ms)}`,
        );
  },
};
