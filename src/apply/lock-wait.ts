// When to queue for a lock, and for how long. Pure: the facts come in, the decision goes out.
//
// While DDL waits for a lock, everything that comes after it on the table waits too, for about the lock
// timeout. Two cases were measured, and no single figure serves both: behind one old reader any long
// wait stalls everybody for nothing; between readers that overlap all the time waits of 100 ms never get
// through, while 250 ms to 500 ms do. So the first wait is short, and longer ones are earned: only when
// everybody who outlasted a wait has gone, and nobody old has come, is a longer one worth its price.

import type { Holder } from './lock-holders.ts';

/**
 * How a step may wait in a lock queue. `brief`: others queue behind it. `patient`: nobody who reads or
 * writes does (VALIDATE takes SHARE UPDATE EXCLUSIVE, changes of rows ROW EXCLUSIVE).
 */
export type LockCare = 'brief' | 'patient';

const briefTimeoutsMs = [50, 400, 500] as const;
const patientTimeoutMs = 10_000;
const oldAfterMs = 1_000;

/** How long a try waits in the queue, after so many that got nothing. */
export function lockTimeoutMs(care: LockCare, failedTries: number): number {
  if (care === 'patient') return patientTimeoutMs;
  return briefTimeoutsMs[Math.min(failedTries, briefTimeoutsMs.length - 1)] ?? 500;
}

/** The pause between two looks at the holders, with a random part so that two waiters do not meet. */
export function pauseMs(random: () => number = Math.random): number {
  return Math.round(20 + 30 * random());
}

/** The pause after the migration gave up its place because too many waited behind it. */
export function pauseAfterCrowdMs(times: number, random: () => number = Math.random): number {
  return Math.round(1_000 * 2 ** Math.min(times - 1, 5) * (0.5 + random() / 2));
}

/**
 * What to do now: `look` again later, or queue: `plain`, or `sideways` first (in SHARE UPDATE
 * EXCLUSIVE, which keeps no reader and no writer waiting).
 *
 * Sideways is the way past an autovacuum: it yields to a waiter only after deadlock_timeout (1 s;
 * manual, 25.1.6), longer than readers should be kept waiting.
 */
export function nextMove(facts: {
  /** Who holds a conflicting lock now. */
  readonly holders: readonly Holder[];
  /** Transactions that outlasted an earlier wait, and are still open. */
  readonly outlasting: readonly string[];
  /** How long a transaction has been seen, where the server does not tell its age. */
  readonly seenForMs: (transaction: string) => number;
}): 'look' | 'plain' | 'sideways' {
  const { holders, outlasting, seenForMs } = facts;
  const blocks = (holder: Holder): boolean =>
    outlasting.includes(holder.transaction) ||
    (holder.ageMs ?? seenForMs(holder.transaction)) >= oldAfterMs;
  const known = new Set(holders.map(({ transaction }) => transaction));
  if (outlasting.some((transaction) => !known.has(transaction))) return 'look';
  const blocking = holders.filter(blocks);
  if (blocking.length === 0) return 'plain';
  return blocking.every(({ mode }) => mode === 'SHARE UPDATE EXCLUSIVE') ? 'sideways' : 'look';
}
