// When an environment may be changed: its windows and blackouts, on the clocks of their time zones.
//
// Judged by the local clock: when it is put forward over the start, the window begins after the gap;
// when it is put back, the repeated hour counts both times.

import type { Blackout, ChangeHours, Weekday, Window } from '../config/environment.ts';

const minuteMs = 60_000;
const quarterMs = 15 * minuteMs;
const yearMs = 366 * 24 * 60 * minuteMs;

/** The blackout that is in force, if any. */
export function blackoutAt({ blackouts }: ChangeHours, now: Date): Blackout | undefined {
  return blackouts.find(({ from, to, timeZone }) => {
    const { date } = localTime(now, timeZone);
    return from <= date && date <= to;
  });
}

/** True when the environment may be changed: no blackout, and one of the windows, if there are any. */
export function mayChange(hours: ChangeHours, now: Date): boolean {
  const { windows } = hours;
  if (blackoutAt(hours, now) !== undefined) return false;
  return windows.length === 0 || windows.some((window) => isOpen(window, now));
}

/** When the environment may be changed next; `now` inside a window, undefined when never in a year. */
export function nextOpening(hours: ChangeHours, now: Date): Date | undefined {
  if (mayChange(hours, now)) return now;
  const end = now.getTime() + yearMs;
  // Along the clock: a local time may come twice or not at all. A blackout ends at a local midnight,
  // and those lie on quarters of an hour in every zone.
  for (let at = nextMultiple(now.getTime(), minuteMs); at <= end; ) {
    const moment = new Date(at);
    if (mayChange(hours, moment)) return moment;
    at = blackoutAt(hours, moment) === undefined ? at + minuteMs : nextMultiple(at + 1, quarterMs);
  }
  return undefined;
}

function nextMultiple(time: number, of: number): number {
  return Math.ceil(time / of) * of;
}

// After midnight, a window that crosses it belongs to the day before.
function isOpen({ days, from, to, timeZone }: Window, now: Date): boolean {
  const { time, weekday, weekdayBefore } = localTime(now, timeZone);
  if (from < to) return days.includes(weekday) && from <= time && time < to;
  return (days.includes(weekday) && from <= time) || (days.includes(weekdayBefore) && time < to);
}

interface LocalTime {
  /** `YYYY-MM-DD` */
  readonly date: string;
  /** `HH:MM` */
  readonly time: string;
  readonly weekday: Weekday;
  readonly weekdayBefore: Weekday;
}

const weekdays: readonly Weekday[] = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

function localTime(at: Date, timeZone: string): LocalTime {
  // Swedish writes 2026-01-15 02:30.
  const [date = '', time = ''] = formatter(timeZone).format(at).split(' ');
  const day = new Date(date).getUTCDay();
  const named = (index: number): Weekday => weekdays[(index + 7) % 7] ?? 'sun';
  return { date, time, weekday: named(day), weekdayBefore: named(day - 1) };
}

// Making one of these costs more than using it a thousand times.
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('sv-SE', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  formatters.set(timeZone, made);
  return made;
}
