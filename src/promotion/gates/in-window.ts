// "Scheduled during low-traffic time (2-4am)": now is inside a window of the environment, and no blackout.

import type { Window } from '../../config/environment.ts';
import { formatDuration } from '../../core/duration.ts';
import { closed, type Gate, open } from '../gate.ts';
import { blackoutAt, mayChange, nextOpening } from '../window.ts';

export const inWindow: Gate = {
  id: 'in-window',
  title: 'Scheduled during low-traffic time (2-4am)',
  judge: ({ environment: { hours, name }, now }) => {
    const windows = hours.windows.map(textOf).join(', ');
    if (mayChange(hours, now)) {
      return open(
        windows === '' ? `${name} has no window in the configuration` : `it is within ${windows}`,
      );
    }
    const blackout = blackoutAt(hours, now);
    const until = nextOpening(hours, now);
    const howToOpen =
      until === undefined
        ? `give environments.${name}.window in the configuration a time that comes`
        : `wait ${formatDuration(until.getTime() - now.getTime())}: drydock apply ${name} --wait-for-window`;
    if (blackout === undefined) return closed(`the window is ${windows}`, howToOpen);
    const { from, to, reason } = blackout;
    const why = reason === undefined ? '' : `: ${reason}`;
    return closed(`nothing is changed from ${from} to ${to}${why}`, howToOpen);
  },
};

function textOf({ days, from, to, timeZone }: Window): string {
  const on = days.length === 7 ? '' : `${days.join(', ')} `;
  return `${on}${from}–${to} ${timeZone}`;
}
