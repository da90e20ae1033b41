// "Scheduled during low-traffic time (2-4am)": now is inside the environment's window.

import { formatDuration } from '../../core/duration.ts';
import { closed, type Gate, open } from '../gate.ts';
import { isInWindow, untilWindow } from '../window.ts';

export const inWindow: Gate = {
  id: 'in-window',
  title: 'Scheduled during low-traffic time (2-4am)',
  judge: ({ environment: { window, name }, now }) => {
    if (window === undefined) return open(`${name} has no window in the configuration`);
    const text = `${window.from}–${window.to} ${window.timeZone}`;
    return isInWindow(window, now)
      ? open(`it is between ${text}`)
      : closed(`the window is ${text}`, `wait ${formatDuration(untilWindow(window, now))}`);
  },
};
