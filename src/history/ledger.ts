// The ledger: which migrations an environment has. Reading it never installs anything.

import type { Database } from '../postgres/connect.ts';
import { isInstalled } from './install.ts';

/** One migration in force, wholly (`complete`) or up to a step (`partial`). */
export interface LedgerRow {
  readonly version: string;
  readonly name: string;
  readonly checksum: string;
  readonly plan: string;
  readonly state: 'partial' | 'complete';
  readonly stepsDone: number;
  readonly stepsTotal: number;
  readonly appliedAt: Date;
  readonly appliedBy: string;
  readonly durationMs: number;
  /** File name of the backup taken before it, where there was one. */
  readonly backup: string | null;
}

/** The ledger in order of version; empty where Drydock has never been. */
export async function readLedger(database: Database): Promise<readonly LedgerRow[]> {
  if (!(await isInstalled(database))) return [];
  return database.query<LedgerRow>(
    `SELECT version, name, checksum, plan, state, steps_done AS "stepsDone",
            steps_total AS "stepsTotal", applied_at AS "appliedAt", applied_by AS "appliedBy",
            duration_ms AS "durationMs", backup
     FROM drydock.ledger ORDER BY length(version), version`,
  );
}

/** What {@link recordStep} writes. */
export interface StepRecord {
  readonly version: string;
  readonly name: string;
  readonly checksum: string;
  readonly plan: string;
  readonly stepsDone: number;
  readonly stepsTotal: number;
  readonly appliedBy: string;
  readonly durationMs: number;
  readonly backup: string | null;
}

/**
 * Writes that a step of a migration is in force. Called inside the step's own transaction, so that
 * the ledger and the schema cannot disagree.
 */
export async function recordStep(database: Database, record: StepRecord): Promise<void> {
  await database.query(
    `INSERT INTO drydock.ledger (version, name, checksum, plan, state, steps_done, steps_total,
                                 applied_by, duration_ms, backup)
     VALUES ($1, $2, $3, $4, CASE WHEN $5::int = $6::int THEN 'complete' ELSE 'partial' END,
             $5, $6, $7, $8, $9)
     ON CONFLICT (version) DO UPDATE
     SET plan = excluded.plan, state = excluded.state, steps_done = excluded.steps_done,
         steps_total = excluded.steps_total, applied_at = clock_timestamp(),
         applied_by = excluded.applied_by, backup = excluded.backup,
         duration_ms = drydock.ledger.duration_ms + excluded.duration_ms`,
    [
      record.version,
      record.name,
      record.checksum,
      record.plan,
      record.stepsDone,
      record.stepsTotal,
      record.appliedBy,
      Math.round(record.durationMs),
      record.backup,
    ],
  );
}

/** Writes another checksum for a migration that is in force. */
export async function recordChecksum(
  database: Database,
  { version, checksum }: Pick<LedgerRow, 'version' | 'checksum'>,
): Promise<void> {
  await database.query('UPDATE drydock.ledger SET checksum = $2 WHERE version = $1', [
    version,
    checksum,
  ]);
}
