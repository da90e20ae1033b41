// No session and no prepared transaction has been holding its locks for so long that the change would
// only wait for it.

import { formatDuration } from '../../core/duration.ts';
import type { LongTransaction } from '../../postgres/long-transactions.ts';
import { closed, type Gate, open } from '../gate.ts';

/** From this age on a transaction is likely to be there still when the change wants its locks. */
const longMs = 5 * 60_000;

export const noBlockers: Gate = {
  id: 'no-blockers',
  title: 'No long transaction in the way',
  judge: ({ environment, target: { transactions } }) => {
    const long = transactions.filter(({ ageMs }) => ageMs >= longMs);
    return long.length === 0
      ? open(`no transaction is older than ${formatDuration(longMs)}`)
      : closed(
          long.map(textOf).join('; '),
          `wait for its end, or end it; then: drydock preflight ${environment.name}`,
        );
  },
};

function textOf({ pid, who, state, ageMs }: LongTransaction): string {
  const what =
    pid === null ? `prepared transaction of ${who}` : `${who} (process ${pid}, ${state})`;
  return `${what}: open for ${formatDuration(ageMs)}`;
}
