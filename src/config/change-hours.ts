// When an environment may be changed, as a configuration says it: windows and blackouts.

import * as z from 'zod';
import type { ChangeHours, Weekday, Window } from './environment.ts';

const weekdays: readonly Weekday[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

const timeOfDay = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'is not a time of day such as 02:00');
const day = z.iso.date('is not a day such as 2026-12-24');
const timeZone = z.string().refine(isTimeZone, 'is not a time zone such as Europe/Berlin');

const window = z
  .strictObject({
    days: z
      .array(z.enum(weekdays, { error: `is not one of ${weekdays.join(', ')}` }))
      .min(1)
      .default([...weekdays]),
    from: timeOfDay,
    to: timeOfDay,
    timeZone,
  })
  .refine(({ from, to }) => from !== to, 'begins and ends at the same time: it is never open');

const blackout = z
  .strictObject({ from: day, to: day.optional(), timeZone, reason: z.string().optional() })
  .refine(({ from, to = from }) => from <= to, 'ends before it begins');

interface CheckedHours {
  readonly window?: Window[] | undefined;
  readonly blackouts?:
    | { from: string; to?: string | undefined; timeZone: string; reason?: string | undefined }[]
    | undefined;
}

/** The two keys of an environment. */
export const changeHoursSchema: { [KEY in keyof CheckedHours]-?: z.ZodType<CheckedHours[KEY]> } = {
  window: z
    .unknown()
    .optional()
    .transform((value, context): Window[] | undefined => {
      // Not a union: its problems do not say where they are.
      const several = Array.isArray(value) ? z.array(window).min(1) : window.optional();
      const { data, error } = several.safeParse(value);
      for (const { path, message } of error?.issues ?? []) {
        context.addIssue({ code: 'custom', path, message });
      }
      return data === undefined ? undefined : [data].flat();
    }),
  blackouts: z.array(blackout).optional(),
};

/** The trusted form of the two keys. */
export function changeHours({ window: windows = [], blackouts = [] }: CheckedHours): ChangeHours {
  return {
    windows,
    blackouts: blackouts.map(({ from, to = from, timeZone: zone, reason }) => ({
      from,
      to,
      timeZone: zone,
      reason,
    })),
  };
}

function isTimeZone(name: string): boolean {
  try {
    Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
