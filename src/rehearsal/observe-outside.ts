// Watches a statement that cannot be in a transaction: its locks are gone when it has ended, so a
// second session looks for them meanwhile. What is too brief to be seen is known from the statement.

import { setTimeout as pause } from 'node:timers/promises';
import type { Database } from '../postgres/connect.ts';
import type { LockMode } from '../postgres/table-lock.ts';
import { lockModeOf } from './locks.ts';
import { isTable, type KnownRelation } from './observe-schema.ts';

/** A lock as it was seen, or as it must have been. */
export interface SeenLock {
  readonly relation: string;
  readonly mode: LockMode;
  /** From the first to the last time that it was seen; 0 for one that was too brief to be. */
  readonly ms: number;
}

/** A watch over one running statement. */
export interface OutsideWatch {
  /** Ends the watch, when the statement has ended. */
  end(): Promise<{ readonly locks: readonly SeenLock[]; readonly touched: readonly string[] }>;
}

/** What is watched. */
export interface OutsideOptions {
  /** Process id of the session that runs the statement. */
  readonly pid: number;
  readonly known: ReadonlyMap<string, KnownRelation>;
  /** Locks that a statement of this kind takes in any case. */
  readonly claimed: readonly { readonly relation: string; readonly mode: LockMode }[];
}

const pollMs = 4;

/** Begins to watch. The session must be the watch's alone until its end. */
export function watchFromOutside(database: Database, options: OutsideOptions): OutsideWatch {
  const { pid, known, claimed } = options;
  const seen = new Map<string, { oid: string; mode: LockMode; from: number; to: number }>();
  let isOver = false;
  const look = async (): Promise<void> => {
    const rows = await database.query<{ oid: string; mode: string }>(locksOfProcess, [pid]);
    const at = performance.now();
    for (const { oid, mode } of rows) {
      const key = `${oid} ${mode}`;
      const before = seen.get(key);
      seen.set(key, { oid, mode: lockModeOf(mode), from: before?.from ?? at, to: at });
    }
  };
  const looking = (async () => {
    while (!isOver) {
      await look();
      await pause(pollMs);
    }
  })();
  // It is awaited in `end`; a copy that is gone meanwhile must not end the process.
  looking.catch(() => {});
  return {
    end: async () => {
      isOver = true;
      await looking;
      const locks = [...seen.values()].flatMap(({ oid, mode, from, to }) => {
        const relation = known.get(oid);
        if (relation === undefined || !isTable(relation)) return [];
        return [{ relation: relation.name, mode, ms: to - from }];
      });
      const isClaimed = ({ name }: KnownRelation): boolean =>
        claimed.some(({ relation }) => relation === name);
      const names = new Set([...known.values()].filter(isClaimed).map(({ name }) => name));
      const missed = claimed.filter(
        ({ relation, mode }) =>
          names.has(relation) &&
          !locks.some((lock) => lock.relation === relation && lock.mode === mode),
      );
      return {
        locks: [...locks, ...missed.map((lock) => ({ ...lock, ms: 0 }))],
        touched: [
          ...new Set([
            ...[...seen.values()].map(({ oid }) => oid),
            ...[...known.values()].filter(isClaimed).map(({ oid }) => oid),
          ]),
        ],
      };
    },
  };
}

const locksOfProcess = `
  SELECT relation::text AS oid, mode FROM pg_locks
   WHERE pid = $1 AND locktype = 'relation' AND granted
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
