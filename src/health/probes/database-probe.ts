// What every question to the database has in common: one value that is read, how it is told, and what of it
// is over a limit. Whether that was there before the change is judged in one place (judge-figures.ts).

import type { MonitorLimits } from '../../config/monitor.ts';

/** Something that is over its limit. */
export interface Trouble {
  /** The same for the same thing in another sample: the name of an index, a server process. */
  readonly what: string;
  /** For people. */
  readonly text: string;
}

/**
 * A question to the database. All of them are asked in one statement, and none needs a right: what is hidden
 * from the role of the session is said to be unseen.
 */
export interface DatabaseProbe<SEEN = unknown> {
  readonly name: string;
  /** A query of one value, as JSON: what {@link DatabaseProbe.describe} is given. */
  readonly sql: string;
  /** What was seen, for people, in a few words. */
  describe(seen: SEEN): string;
  /** What of it is over its limit. `before` is what was seen at the baseline. */
  over(seen: SEEN, limits: MonitorLimits, before?: SEEN): readonly Trouble[];
}

/** A share for people: `7%`, and one figure more where it is small. */
export function percent(share: number): string {
  return `${share < 0.1 ? Number((share * 100).toFixed(1)) : Math.round(share * 100)}%`;
}

/** The words for what a role may not see. */
export function unseen(hidden: number): string {
  return hidden === 0 ? '' : `; ${hidden} of other roles unseen`;
}
