// How an armed environment stands: what it holds, and how long it can.

import { type Capture, type RescueRun, readOpenRescue } from '../history/rescue-runs.ts';
import type { Database } from '../postgres/connect.ts';
import { isPlayed } from '../rescue/player.ts';
import { readLog } from '../rescue/watch.ts';

/** An armed environment. */
export interface ArmedNow {
  readonly state: 'arming' | 'armed';
  readonly since: Date;
  readonly backup: string | null;
  /** What tells the writes. */
  readonly capture: Capture;
  /** Log that is kept for it, in bytes: the server's own, or that of the triggers. */
  readonly heldBytes: number;
  /** Changes in the log of the triggers, or somewhat fewer; null in a stream, which does not count them. */
  readonly heldRows: number | null;
  /** How much more log may be held until the rescue is given up; null: as much as there is. */
  readonly leftBytes: number | null;
  /** How long that lasts at the pace since it was armed, in milliseconds; null where there is no such pace. */
  readonly leftMs: number | null;
  /** It was given up: no rescue is possible any more. */
  readonly isLost: boolean;
  /** Somebody keeps the copy in step at this moment. */
  readonly isFollowed: boolean;
  readonly hasCopy: boolean;
  /** Disk that the copy takes on the server; 0 while it is not built, or not this role's. */
  readonly copyBytes: number;
  /** What a rescue would not bring along, as sentences. */
  readonly limits: readonly string[];
}

/** Reads it; null where nothing is armed. */
export async function armedNow(database: Database): Promise<ArmedNow | null> {
  const run = await readOpenRescue(database);
  if (run === undefined) return null;
  const { state, capture, begunAt: since, backup, limits } = run;
  const { ageMs, ...copy } = await database.one<
    Pick<ArmedNow, 'hasCopy' | 'copyBytes'> & { ageMs: number }
  >(
    `SELECT d.oid IS NOT NULL AS "hasCopy", CASE WHEN has_database_privilege(d.oid, 'CONNECT') THEN pg_database_size(d.oid) ELSE 0 END::float8 AS "copyBytes",
            extract(epoch FROM clock_timestamp() - $2)::float8 * 1000 AS "ageMs"
       FROM (SELECT 1) one LEFT JOIN pg_database d ON d.datname = $1`,
    [run.copy, since],
  );
  const figures = await (capture === 'stream' ? ofSlot : ofLog)(database, run);
  const leftMs = timeLeft(figures, ageMs);
  const armed = state === 'armed' ? 'armed' : 'arming';
  return { state: armed, since, backup, capture, limits, ...copy, ...figures, leftMs };
}

// Whoever keeps the copy in step lets the log go, so that what is held tells no pace.
function timeLeft({ heldBytes, leftBytes, isFollowed }: Figures, ageMs: number): number | null {
  if (isFollowed || leftBytes === null || heldBytes === 0) return null;
  return Math.round((leftBytes / heldBytes) * ageMs);
}

// Below so much the server may give its log up at any moment, and a rescue would fail half-way.
const leastLeftBytes = 64 * 1_048_576;

type Figures = Pick<ArmedNow, 'heldBytes' | 'heldRows' | 'leftBytes' | 'isLost' | 'isFollowed'>;

async function ofSlot(database: Database, { slot, logLimit }: RescueRun): Promise<Figures> {
  return await database.one<Figures>(
    `SELECT held.bytes AS "heldBytes", NULL AS "heldRows",
            greatest(0, least(s.safe_wal_size - $2, $3::float8 - held.bytes)) AS "leftBytes",
            s.slot_name IS NULL OR s.wal_status = 'lost' AS "isLost",
            coalesce(s.active, false) AS "isFollowed"
       FROM (SELECT 1) one LEFT JOIN pg_replication_slots s ON s.slot_name = $1
            CROSS JOIN LATERAL (SELECT coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn), 0)::float8) AS held (bytes)`,
    [slot, leastLeftBytes, logLimit],
  );
}

async function ofLog(database: Database, { copy }: RescueRun): Promise<Figures> {
  const { rows, bytes, limitBytes, isLost } = await readLog(database);
  return {
    heldBytes: bytes,
    heldRows: rows,
    leftBytes: Math.max(0, limitBytes - bytes),
    isLost,
    isFollowed: await isPlayed(database, copy),
  };
}
