// What became of each step of a migration, run by run: the ledger's small print.

import { withLiterals } from '../postgres/address.ts';
import type { Database } from '../postgres/connect.ts';
import { hasTable } from './install.ts';

/** Which step a record is about. */
export interface StepName {
  readonly version: string;
  /** From 1. */
  readonly step: number;
  readonly kind: 'transaction' | 'alone' | 'batch';
  /** Of the step's statements. */
  readonly digest: string;
  readonly runBy: string;
}

/** How a step went. */
export interface StepFigures {
  readonly startedAt: Date;
  readonly tries: number;
  readonly lockWaitMs: number;
  readonly rows: number;
  readonly statements: readonly {
    readonly line: number;
    readonly ms: number;
    readonly rows: number | null;
  }[];
}

/** A step that is in force. */
export interface StepDone {
  readonly name: StepName;
  readonly figures: StepFigures;
  /** `found done`: an earlier run had done it, as one could see. */
  readonly outcome: 'done' | 'found done';
  /** Id of the record that its beginning has, where it has one. */
  readonly begun: string | undefined;
}

/** A step as it was recorded. */
export interface StepRow extends StepName {
  readonly id: string;
  readonly outcome: 'begun' | 'done' | 'found done' | 'failed';
  readonly startedAt: Date;
  readonly endedAt: Date | null;
  readonly tries: number | null;
  readonly lockWaitMs: number | null;
  readonly rows: number | null;
  readonly sqlState: string | null;
  readonly message: string | null;
  readonly before: unknown;
}

/** The records of a migration's steps, in the order in which they were written. */
export async function readSteps(database: Database, version: string): Promise<StepRow[]> {
  if (!(await hasTable(database, 'steps'))) return [];
  return database.query<StepRow>(
    `SELECT id::text, version, step, kind, digest, outcome, started_at AS "startedAt",
            ended_at AS "endedAt", tries, lock_wait_ms AS "lockWaitMs", row_count::float8 AS rows,
            sqlstate AS "sqlState", message, before, run_by AS "runBy"
       FROM drydock.steps WHERE version = $1 ORDER BY id`,
    [version],
  );
}

/** The SQL that records a step as being in force, in place of its beginning where that was recorded. */
export function stepDoneSql({ name, figures, outcome, begun }: StepDone): string {
  const columns = `version, step, kind, digest, run_by, outcome, started_at, ended_at, tries,
                   lock_wait_ms, row_count, statements, before`;
  const values = '$1, $2, $3, $4, $5, $6, $7, clock_timestamp(), $8, $9, $10, $11';
  const sql =
    begun === undefined
      ? `INSERT INTO drydock.steps (${columns}) VALUES (${values}, NULL)`
      : `WITH beginning AS (DELETE FROM drydock.steps WHERE id = $12 RETURNING before)
         INSERT INTO drydock.steps (${columns}) VALUES (${values}, (SELECT before FROM beginning))`;
  return withLiterals(sql, [
    ...[name.version, name.step, name.kind, name.digest, name.runBy, outcome],
    ...[figures.startedAt, figures.tries, Math.round(figures.lockWaitMs), figures.rows],
    ...[JSON.stringify(figures.statements), begun ?? null],
  ]);
}

/**
 * Writes that a step is under way, for one that is in no transaction with its own record.
 *
 * @param before what stood there, to tell afterwards what the step has done
 */
export async function recordBeginning(
  database: Database,
  name: StepName,
  before: unknown,
): Promise<string> {
  const { id } = await database.one<{ id: string }>(
    `INSERT INTO drydock.steps (version, step, kind, digest, outcome, before, run_by)
     VALUES ($1, $2, $3, $4, 'begun', $5, $6) RETURNING id::text`,
    [name.version, name.step, name.kind, name.digest, JSON.stringify(before), name.runBy],
  );
  return id;
}

/** Writes that a step did not come to be, in place of its beginning where that was recorded. */
export async function recordFailure(
  database: Database,
  name: StepName,
  failure: {
    readonly begun: string | undefined;
    readonly startedAt: Date;
    readonly tries: number;
    readonly lockWaitMs: number;
    readonly sqlState: string | undefined;
    readonly message: string;
  },
): Promise<void> {
  const figures = [
    failure.tries,
    Math.round(failure.lockWaitMs),
    failure.sqlState ?? null,
    failure.message,
  ];
  if (failure.begun !== undefined) {
    await database.query(
      `UPDATE drydock.steps
          SET outcome = 'failed', ended_at = clock_timestamp(), tries = $2, lock_wait_ms = $3,
              sqlstate = $4, message = $5
        WHERE id = $1`,
      [failure.begun, ...figures],
    );
    return;
  }
  await database.query(
    `INSERT INTO drydock.steps (version, step, kind, digest, run_by, outcome, started_at, ended_at,
                                tries, lock_wait_ms, sqlstate, message)
     VALUES ($1, $2, $3, $4, $5, 'failed', $6, clock_timestamp(), $7, $8, $9, $10)`,
    [
      ...[name.version, name.step, name.kind, name.digest, name.runBy, failure.startedAt],
      ...figures,
    ],
  );
}

/** Writes of the steps that did not come into force that they are not under way any more. */
export async function forgetBeginnings(database: Database, version: string): Promise<void> {
  await database.query(
    `UPDATE drydock.steps
        SET outcome = 'failed', ended_at = coalesce(ended_at, clock_timestamp()), before = NULL,
            message = coalesce(message, 'abandoned')
      WHERE version = $1 AND outcome IN ('begun', 'failed')`,
    [version],
  );
}
