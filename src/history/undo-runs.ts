// Plans that were applied with undo on: what was kept of them, and how far the way back is.

import type { Database } from '../postgres/connect.ts';
import { hasTable } from './install.ts';

/** Something that a plan would have dropped and that was put aside instead. */
export interface KeptThing {
  readonly kind: 'column' | 'table';
  /** As people know it: `public.users.email`. */
  readonly name: string;
  readonly relation: number;
  /** Number of the column; null for a table. */
  readonly column: number | null;
}

/** A column that a plan gave another type. */
export interface RetypedColumn {
  readonly relation: number;
  readonly column: number;
  readonly from: string;
  readonly to: string;
}

/** What undo did to the rows so far. */
export interface UndoProgress {
  /** Rows whose columns were put back. */
  readonly restored?: number;
  /** Rows that the plan had deleted and that are there again. */
  readonly inserted?: number;
  /** Rows that the plan had made and that are gone. */
  readonly deleted?: number;
  /** Rows that others have written or deleted since: theirs is kept. */
  readonly overwritten?: number;
}

/** One plan that was applied with undo on. */
export interface UndoRun {
  readonly id: string;
  readonly plan: string;
  readonly state: 'kept' | 'going back' | 'undone' | 'finalized';
  readonly versions: readonly string[];
  readonly wayBack: readonly string[] | null;
  readonly provenMs: number | null;
  readonly kept: readonly KeptThing[];
  readonly retyped: readonly RetypedColumn[];
  readonly progress: UndoProgress;
  readonly begunAt: Date;
  readonly begunBy: string;
  readonly endedAt: Date | null;
}

const columns = `id::text, plan, state, versions, way_back AS "wayBack", proven_ms AS "provenMs", kept,
  retyped, progress, begun_at AS "begunAt", begun_by AS "begunBy", ended_at AS "endedAt"`;

/** The runs that may be taken back or finalized, newest first; empty where undo was never on. */
export async function readOpenRuns(database: Database): Promise<readonly UndoRun[]> {
  if (!(await hasTable(database, 'undo_runs'))) return [];
  return database.query<UndoRun>(
    `SELECT ${columns} FROM drydock.undo_runs WHERE state IN ('kept', 'going back') ORDER BY id DESC`,
  );
}

/** The run that was taken back last, or the one with this id. */
export async function readEndedRun(
  database: Database,
  id: string | null = null,
): Promise<UndoRun | undefined> {
  const [run] = await database.query<UndoRun>(
    `SELECT ${columns} FROM drydock.undo_runs
      WHERE state = 'undone' AND ($1::bigint IS NULL OR id = $1) ORDER BY ended_at DESC LIMIT 1`,
    [id],
  );
  return run;
}

/** Begins a run, before the first statement of its plan. An earlier one of the same plan is closed. */
export async function beginRun(
  database: Database,
  run: {
    readonly plan: string;
    readonly versions: readonly string[];
    readonly by: string;
    readonly wayBack: readonly string[] | null;
    readonly provenMs: number | null;
  },
): Promise<string> {
  const { id } = await database.one<{ id: string }>(
    `INSERT INTO drydock.undo_runs (plan, versions, relations_before, way_back, proven_ms, begun_by)
     VALUES ($1, $2, ARRAY(SELECT oid FROM pg_class WHERE relkind IN ('r', 'p')), $3, $4, $5)
     RETURNING id::text`,
    [run.plan, run.versions, run.wayBack, run.provenMs, run.by],
  );
  return id;
}

/** Writes what was put aside; inside the transaction that did so. */
export async function recordKept(
  database: Database,
  id: string,
  { kept = [], retyped = [] }: Partial<Pick<UndoRun, 'kept' | 'retyped'>>,
): Promise<void> {
  await database.query(
    'UPDATE drydock.undo_runs SET kept = kept || $2::jsonb, retyped = retyped || $3::jsonb WHERE id = $1',
    [id, JSON.stringify(kept), JSON.stringify(retyped)],
  );
}

/** Adds to what was done to the rows, and writes that the way back has begun. */
export async function recordProgress(
  database: Database,
  id: string,
  more: UndoProgress,
): Promise<void> {
  await database.query(
    `UPDATE drydock.undo_runs
        SET state = 'going back',
            progress = progress || (SELECT coalesce(jsonb_object_agg(m.key, coalesce((progress ->> m.key)::bigint, 0) + m.value::bigint), '{}')
                                      FROM jsonb_each_text($2::jsonb) m)
      WHERE id = $1`,
    [id, JSON.stringify(more)],
  );
}

/** Closes a run. */
export async function endRun(
  database: Database,
  id: string,
  end: {
    readonly state: 'undone' | 'finalized';
    readonly by: string;
    readonly reason: string | null;
  },
): Promise<void> {
  await database.query(
    `UPDATE drydock.undo_runs SET state = $2, ended_at = clock_timestamp(), ended_by = $3, reason = $4
      WHERE id = $1`,
    [id, end.state, end.by, end.reason],
  );
}

/** Takes migrations out of the ledger: they are pending again. Inside the transaction that undid them. */
export async function forgetMigrations(
  database: Database,
  versions: readonly string[],
): Promise<void> {
  await database.query('DELETE FROM drydock.ledger WHERE version = ANY ($1)', [versions]);
}
