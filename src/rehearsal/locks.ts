// The locks of a plan: how long each was held, and which of them kept others waiting longest.

import { type Blocked, blockedBy, type LockMode, stronger } from '../postgres/table-lock.ts';

/** A lock on a relation that existed before the plan. */
export interface ObservedLock {
  readonly relation: string;
  /** As the manual writes it, such as `ACCESS EXCLUSIVE` (13.3.1). */
  readonly mode: LockMode;
  readonly blocks: Blocked;
}

/** A lock with the time from the start of its statement to the end of the transaction. */
export interface HeldLock extends ObservedLock {
  readonly ms: number;
}

/** The name of a lock as `pg_locks` has it (`ShareRowExclusiveLock`) in the manual's words. */
export function lockModeOf(name: string): LockMode {
  const words = name.replace(/Lock$/, '').replaceAll(/([a-z])([A-Z])/g, '$1 $2');
  return words.toUpperCase() as LockMode;
}

/** One lock for each relation, the strongest. */
export function strongestPerRelation(
  locks: readonly { readonly relation: string; readonly mode: LockMode }[],
): readonly ObservedLock[] {
  const strongest = new Map<string, LockMode>();
  for (const { relation, mode } of locks) {
    strongest.set(relation, stronger(mode, strongest.get(relation)));
  }
  return [...strongest].map(([relation, mode]) => ({ relation, mode, blocks: blockedBy(mode) }));
}

/**
 * How long each statement's locks were held, in milliseconds: its own time and that of all that follow
 * in its transaction, because a lock is kept to the end (manual, 13.3.1).
 */
export function heldMs(
  statements: readonly { readonly ms: number; readonly transaction: number | null }[],
): readonly number[] {
  return statements.map(({ ms, transaction }, index) =>
    transaction === null
      ? ms
      : statements
          .slice(index)
          .filter((later) => later.transaction === transaction)
          .reduce((sum, later) => sum + later.ms, 0),
  );
}

/** The longest-held of the locks that blocked others; null when none blocked. */
export function longestBlocking(held: readonly HeldLock[]): HeldLock | null {
  return held
    .filter((lock) => lock.blocks !== 'nothing')
    .reduce<HeldLock | null>(
      (longest, lock) => (longest === null || lock.ms > longest.ms ? lock : longest),
      null,
    );
}
