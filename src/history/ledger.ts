// The ledger: which migrations an environment has. Reading it never installs anything.

import { Failure } from '../core/failure.ts';
import { withLiterals } from '../postgres/address.ts';
import type { Database } from '../postgres/connect.ts';
import { isInstalled } from './install.ts';
import { type StepDone, stepDoneSql } from './steps.ts';

/**
 * One migration in force: wholly (`complete`), up to a step (`partial`), or up to a step and not to be
 * finished (`abandoned`).
 */
export interface LedgerRow {
  readonly version: string;
  readonly name: string;
  readonly checksum: string;
  readonly plan: string;
  readonly state: 'partial' | 'complete' | 'abandoned';
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
  const rows = await database.query<LedgerRow>(
    `SELECT version, name, checksum, plan, state, steps_done AS "stepsDone",
            steps_total AS "stepsTotal", applied_at AS "appliedAt", applied_by AS "appliedBy",
            duration_ms AS "durationMs", backup
     FROM drydock.ledger ORDER BY length(version), version`,
  );
  const foreign = rows.find(
    ({ version, stepsDone, stepsTotal }) =>
      !/^\d{1,14}$/.test(version) || stepsDone < 0 || stepsDone > stepsTotal,
  );
  if (foreign !== undefined) throw damaged(database, foreign);
  return rows;
}

// Nothing of it may be believed: what is in force decides what is run.
function damaged({ address }: Database, { version, stepsDone, stepsTotal }: LedgerRow): Failure {
  return new Failure({
    code: 'history/ledger-damaged',
    message: `the ledger of ${address.label} has a row that Drydock did not write: version ${JSON.stringify(version)}, ${stepsDone} of ${stepsTotal} steps`,
    hint: 'Look at drydock.ledger and at who may write to it, correct the row by what `drydock history` tells, then type the same command again.',
    details: { version, stepsDone, stepsTotal },
  });
}

/** What {@link recordStep} writes of a migration. */
export interface LedgerEntry {
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

/** Writes that a step of a migration is in force: see {@link recordSql}. */
export async function recordStep(
  database: Database,
  entry: LedgerEntry,
  done?: StepDone,
): Promise<void> {
  await database.script(recordSql(entry, done));
}

/**
 * The statements that write that a step of a migration is in force: in the ledger, and in the record of
 * its steps where `done` says how it went. Run inside the step's own transaction, so that the ledger and
 * the schema cannot disagree. Their values are in the text: one message to the server with the COMMIT.
 */
export function recordSql(entry: LedgerEntry, done?: StepDone): readonly string[] {
  const inLedger = withLiterals(
    `INSERT INTO drydock.ledger (version, name, checksum, plan, state, steps_done, steps_total,
                                 applied_by, duration_ms, backup)
     VALUES ($1, $2, $3, $4, $10, $5, $6, $7, $8, $9)
     ON CONFLICT (version) DO UPDATE
     SET plan = excluded.plan, checksum = excluded.checksum, state = excluded.state,
         steps_done = excluded.steps_done, steps_total = excluded.steps_total,
         applied_at = clock_timestamp(), applied_by = excluded.applied_by, backup = excluded.backup,
         duration_ms = drydock.ledger.duration_ms + excluded.duration_ms`,
    [...entryValues(entry), entry.stepsDone === entry.stepsTotal ? 'complete' : 'partial'],
  );
  return done === undefined ? [inLedger] : [stepDoneSql(done), inLedger];
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

/** Writes what a person decided about a migration whose steps are not, or not all, in force. */
export async function recordDecision(
  database: Database,
  entry: LedgerEntry,
  decision: { readonly state: 'complete' | 'abandoned'; readonly reason: string | undefined },
): Promise<void> {
  await database.query(
    `INSERT INTO drydock.ledger (version, name, checksum, plan, state, steps_done, steps_total,
                                 applied_by, duration_ms, backup, reason)
     VALUES ($1, $2, $3, $4, $10, $5, $6, $7, $8, $9, $11)
     ON CONFLICT (version) DO UPDATE
     SET state = excluded.state, steps_done = excluded.steps_done, steps_total = excluded.steps_total,
         checksum = excluded.checksum, applied_at = clock_timestamp(),
         applied_by = excluded.applied_by, reason = excluded.reason`,
    [...entryValues(entry), decision.state, decision.reason ?? null],
  );
}

function entryValues(entry: LedgerEntry): (string | number | null)[] {
  return [
    ...[entry.version, entry.name, entry.checksum, entry.plan],
    ...[entry.stepsDone, entry.stepsTotal, entry.appliedBy],
    ...[Math.round(entry.durationMs), entry.backup],
  ];
}
