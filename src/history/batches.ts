// How far the statements are that are run in batches, and whether batches are paused. A batch and its
// row here commit together: whatever is killed, they agree.

import type { Database } from '../postgres/connect.ts';
import { hasTable } from './install.ts';

/** Which step of which migration. */
export interface BatchedStep {
  readonly version: string;
  readonly step: number;
}

/** A statement that is run in batches, and how far it is. */
export interface BatchWalk extends BatchedStep {
  readonly walked: number;
  readonly changed: number;
  /** When the last of its batches came into force. */
  readonly lastAt: Date;
}

/** How far a statement is. */
export interface BatchProgress {
  /** The last key that is done, as texts; null before the first batch. */
  readonly doneTo: readonly string[] | null;
  /** The last key that there was when the walk began. */
  readonly endsAt: readonly string[];
  readonly walked: number;
  readonly changed: number;
  readonly batches: number;
}

/** Who paused the batches, and when. */
export interface Pause {
  readonly by: string;
  readonly at: Date;
}

/** How far an earlier run came with this very statement; undefined when it begins at the first key. */
export async function readProgress(
  database: Database,
  { version, step }: BatchedStep,
  digest: string,
): Promise<BatchProgress | undefined> {
  const [row] = await database.query<BatchProgress>(
    `SELECT done_to AS "doneTo", ends_at AS "endsAt", walked::float8, changed::float8, batches
     FROM drydock.batches WHERE version = $1 AND step = $2 AND digest = $3`,
    [version, step, digest],
  );
  return row;
}

/** Writes that the walk begins, and where it ends; an earlier walk of another statement is forgotten. */
export async function beginProgress(
  database: Database,
  { version, step }: BatchedStep,
  begun: { readonly digest: string; readonly endsAt: readonly string[] },
): Promise<void> {
  await database.query(
    `INSERT INTO drydock.batches (version, step, digest, ends_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (version, step) DO UPDATE
     SET digest = excluded.digest, ends_at = excluded.ends_at, done_to = NULL, walked = 0, changed = 0,
         batches = 0, started_at = clock_timestamp(), updated_at = clock_timestamp()`,
    [version, step, begun.digest, begun.endsAt],
  );
}

/** Writes what a batch did. Called inside the batch's own transaction. */
export async function recordBatch(
  database: Database,
  { version, step }: BatchedStep,
  batch: { readonly doneTo: readonly string[]; readonly walked: number; readonly changed: number },
): Promise<void> {
  await database.query(
    `UPDATE drydock.batches
     SET done_to = $3, walked = walked + $4, changed = changed + $5, batches = batches + 1,
         updated_at = clock_timestamp()
     WHERE version = $1 AND step = $2`,
    [version, step, batch.doneTo, batch.walked, batch.changed],
  );
}

/** Forgets a walk that has come to its end. */
export async function endProgress(
  database: Database,
  { version, step }: BatchedStep,
): Promise<void> {
  await database.query('DELETE FROM drydock.batches WHERE version = $1 AND step = $2', [
    version,
    step,
  ]);
}

/** Statements whose batches are not all in force: at work now, or left half-way. */
export async function readWalks(database: Database): Promise<readonly BatchWalk[]> {
  if (!(await hasTable(database, 'batches'))) return [];
  return database.query<BatchWalk>(
    `SELECT version, step, walked::float8, changed::float8, updated_at AS "lastAt"
       FROM drydock.batches ORDER BY length(version), version, step`,
  );
}

/** Who has paused the batches of this environment; undefined when they may run. */
export async function readPause(database: Database): Promise<Pause | undefined> {
  if (!(await hasTable(database, 'pause'))) return undefined;
  const [row] = await database.query<Pause>(
    'SELECT paused_by AS by, paused_at AS at FROM drydock.pause',
  );
  return row;
}

/** Lets no further batch begin. */
export async function writePause(database: Database, by: string): Promise<void> {
  await database.query(
    'INSERT INTO drydock.pause (paused_by) VALUES ($1) ON CONFLICT (singleton) DO NOTHING',
    [by],
  );
}

/** Lets batches begin again. */
export async function removePause(database: Database): Promise<void> {
  await database.query('DELETE FROM drydock.pause');
}
