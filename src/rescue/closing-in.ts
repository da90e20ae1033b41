// How long a copy that is being caught up with may still come closer to a database that others write to.

/** Behind by so much, in milliseconds, the last round is a matter of a moment. */
export const closeEnoughMs = 1_000;

// Where writes come as fast as they are played, no round is shorter than the one before, ever.
const vainRounds = 2;
const worthwhile = 0.75;

/**
 * Whether another round may bring the copy closer. A round plays what was written in the one before it.
 *
 * @param rounds how long they took, in milliseconds, the first one first
 * @example isWorthAnotherRound([60_000, 20_000]) // true: it closes in
 */
export function isWorthAnotherRound(rounds: readonly number[]): boolean {
  const last = rounds.at(-1);
  if (last === undefined) return true;
  if (last < closeEnoughMs) return false;
  const before = rounds.slice(0, -vainRounds);
  const closest = Math.min(...rounds.slice(-vainRounds));
  return before.length === 0 || closest < worthwhile * Math.min(...before);
}
