// Hours in which an environment may be changed, on the clocks of a time zone.
//
// Judged by the local clock: when it is put forward over the start, the window begins after the gap;
// when it is put back, the repeated hour counts both times.

import type { Window } from '../config/environment.ts';

const minuteMs = 60_000;
const dayMinutes = 1_440;

/** True when the local clock shows a time in the window. */
export function isInWindow(window: Window, now: Date): boolean {
  const clock = localMinutes(now, window.timeZone);
  const from = minutesOf(window.from);
  const to = minutesOf(window.to);
  return from <= to ? clock >= from && clock < to : clock >= from || clock < to;
}

/** Milliseconds until the window opens next; 0 inside it. */
export function untilWindow(window: Window, now: Date): number {
  if (isInWindow(window, now)) return 0;
  // Minute by minute over two days: daylight saving moves the local clock, not this one.
  const start = Math.ceil(now.getTime() / minuteMs) * minuteMs;
  for (let minute = 0; minute <= 2 * dayMinutes; minute += 1) {
    const at = new Date(start + minute * minuteMs);
    if (isInWindow(window, at)) return at.getTime() - now.getTime();
  }
  return Number.POSITIVE_INFINITY;
}

function localMinutes(at: Date, timeZone: string): number {
  const parts = formatter(timeZone).formatToParts(at);
  const part = (type: 'hour' | 'minute'): number =>
    Number(parts.find((candidate) => candidate.type === type)?.value);
  return part('hour') * 60 + part('minute');
}

// Making one of these costs more than using it a thousand times.
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  formatters.set(timeZone, made);
  return made;
}

function minutesOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return hours * 60 + minutes;
}
