// The times that an environment was armed for a rescue. One may be open at a time; whatever it has changed
// is written here before it is changed.

import type { Database } from '../postgres/connect.ts';
import { hasTable } from './install.ts';

/** A table whose replica identity was changed, and how it was. */
export interface OldIdentity {
  readonly relation: number;
  /** Qualified and quoted, as it was called then. */
  readonly table: string;
  /** What stands after REPLICA IDENTITY: `DEFAULT`, `NOTHING`, `USING INDEX …`. */
  readonly identity: string;
}

/** What tells the writes: the stream of a replication slot, or triggers that write a log. */
export type Capture = 'stream' | 'triggers';

/** One time that an environment was armed. */
export interface RescueRun {
  readonly id: string;
  readonly state: 'arming' | 'armed' | 'rescued' | 'disarmed';
  readonly capture: Capture;
  /** Its name is that of the armed database, also where triggers capture and there is no slot. */
  readonly slot: string;
  /** Name of the database that would take the live one's place. */
  readonly copy: string;
  /** Name of the backup of the slot's snapshot; null until there is one. */
  readonly backup: string | null;
  readonly identities: readonly OldIdentity[];
  /** As `drydock.rescue_image()` tells it; null until the backup is there. */
  readonly image: unknown;
  /** Snapshot of the backup, where triggers capture; null until the backup is there. */
  readonly snapshot: string | null;
  /** Size of the log at which it is given up, in bytes. */
  readonly logLimit: number;
  /** What a rescue would not bring along, as sentences. */
  readonly limits: readonly string[];
  readonly begunAt: Date;
  readonly begunBy: string;
}

/** Name of the publication of an armed database: there is one at most. */
export const rescuePublication = 'drydock_rescue';

/** The open run; undefined where nothing is armed. */
export async function readOpenRescue(database: Database): Promise<RescueRun | undefined> {
  if (!(await hasTable(database, 'rescue_runs'))) return undefined;
  const [run] = await database.query<RescueRun>(
    `SELECT id::text, state, capture, slot, copy, backup, identities, image, snapshot,
            log_limit::float8 AS "logLimit", limits, begun_at AS "begunAt", begun_by AS "begunBy"
       FROM drydock.rescue_runs WHERE state IN ('arming', 'armed')`,
  );
  return run;
}

/** The last run that came to its swap; undefined where there was none. */
export async function readLastRescue(
  database: Database,
): Promise<Pick<RescueRun, 'slot' | 'copy'> | undefined> {
  if (!(await hasTable(database, 'rescue_runs'))) return undefined;
  const [run] = await database.query<Pick<RescueRun, 'slot' | 'copy'>>(
    `SELECT slot, copy FROM drydock.rescue_runs WHERE state = 'rescued' ORDER BY id DESC LIMIT 1`,
  );
  return run;
}

/** Begins a run. A second one at the same time is refused by the server. */
export async function beginRescue(
  database: Database,
  run: Pick<
    RescueRun,
    'capture' | 'slot' | 'copy' | 'identities' | 'logLimit' | 'limits' | 'begunBy'
  >,
): Promise<void> {
  const { capture, slot, copy, identities, logLimit, limits, begunBy } = run;
  await database.query(
    `INSERT INTO drydock.rescue_runs (capture, slot, copy, identities, log_limit, limits, begun_by)
     VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [capture, slot, copy, JSON.stringify(identities), logLimit, limits, begunBy],
  );
}

/** Writes that the open run is of use from now on. */
export async function recordArmed(
  database: Database,
  { backup, image, snapshot }: Pick<RescueRun, 'backup' | 'image' | 'snapshot'>,
): Promise<void> {
  await database.query(
    `UPDATE drydock.rescue_runs SET state = 'armed', backup = $1, image = $2, snapshot = $3 WHERE state = 'arming'`,
    [backup, JSON.stringify(image), snapshot],
  );
}

/** Closes the open run, and forgets the shapes that came in between. */
export async function endRescue(
  database: Database,
  end: {
    readonly state: 'rescued' | 'disarmed';
    readonly by: string;
    readonly reason: string | null;
  },
): Promise<void> {
  await database.query(
    `WITH marks AS (DELETE FROM drydock.rescue_marks)
     UPDATE drydock.rescue_runs
        SET state = $1, ended_at = clock_timestamp(), ended_by = $2, reason = $3, image = NULL
      WHERE state IN ('arming', 'armed')`,
    [end.state, end.by, end.reason],
  );
}
