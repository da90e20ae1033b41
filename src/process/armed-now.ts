// How an armed environment stands: what it holds, and how long it can.

import { readOpenRescue } from '../history/rescue-runs.ts';
import type { Database } from '../postgres/connect.ts';

/** An armed environment. */
export interface ArmedNow {
  readonly state: 'arming' | 'armed';
  readonly since: Date;
  readonly backup: string | null;
  /** Log that the server keeps for it, in bytes. */
  readonly heldBytes: number;
  /** What may still be written until the server gives the log up; null: it never does. */
  readonly leftBytes: number | null;
  /** The server has given it up: no rescue is possible any more. */
  readonly isLost: boolean;
  /** Somebody keeps the copy in step at this moment. */
  readonly isFollowed: boolean;
  readonly hasCopy: boolean;
  /** What a rescue would not bring along, as sentences. */
  readonly limits: readonly string[];
}

/** Reads it; null where nothing is armed. */
export async function armedNow(database: Database): Promise<ArmedNow | null> {
  const run = await readOpenRescue(database);
  if (run === undefined) return null;
  const { state, begunAt: since, backup, limits } = run;
  const figures = await database.one<
    Pick<ArmedNow, 'heldBytes' | 'leftBytes' | 'isLost' | 'isFollowed' | 'hasCopy'>
  >(
    `SELECT coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn), 0)::float8 AS "heldBytes",
            s.safe_wal_size::float8 AS "leftBytes",
            s.slot_name IS NULL OR s.wal_status = 'lost' AS "isLost",
            coalesce(s.active, false) AS "isFollowed",
            EXISTS (SELECT FROM pg_database WHERE datname = $2) AS "hasCopy"
       FROM (SELECT 1) one LEFT JOIN pg_replication_slots s ON s.slot_name = $1`,
    [run.slot, run.copy],
  );
  return { state: state === 'armed' ? 'armed' : 'arming', since, backup, limits, ...figures };
}
