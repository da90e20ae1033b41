// The records of migrations that are run together in one message: nobody is asked between them, so the
// server measures how long each took.

import { withLiterals } from '../postgres/address.ts';

/** A migration of one step, for the ledger. */
export interface SmallEntry {
  readonly version: string;
  readonly name: string;
  readonly checksum: string;
  readonly plan: string;
  readonly appliedBy: string;
  readonly backup: string | null;
  /** Of its step. */
  readonly digest: string;
  /** Of its statement. */
  readonly line: number;
}

/**
 * Makes {@link recordTogetherSql} known to a session.
 *
 * In one message statement_timestamp() is the message's; each migration began when the one before ended.
 */
export const prepareRecordTogether = `
  PREPARE drydock_record (text, text, text, text, text, text, text, int) AS
  WITH step AS (
    INSERT INTO drydock.steps (version, step, kind, digest, run_by, outcome, started_at, ended_at,
                               tries, lock_wait_ms, row_count, statements)
    SELECT $1, 1, 'transaction', $7, $5, 'done', begun.at, ended.at, 1, 0, 0,
           jsonb_build_array(jsonb_build_object('line', $8, 'rows', NULL, 'ms',
             round(extract(epoch FROM ended.at - begun.at) * 1000)))
      FROM (SELECT greatest(statement_timestamp(),
                            (SELECT ended_at FROM drydock.steps ORDER BY id DESC LIMIT 1)) AS at) begun,
           (SELECT clock_timestamp() AS at) ended
    RETURNING ended_at - started_at AS took)
  INSERT INTO drydock.ledger (version, name, checksum, plan, state, steps_done, steps_total,
                              applied_by, duration_ms, backup)
  SELECT $1, $2, $3, $4, 'complete', 1, 1, $5, extract(epoch FROM took) * 1000, $6 FROM step`;

/** The statement that writes that a migration of one step is in force: inside its transaction. */
export function recordTogetherSql(entry: SmallEntry): string {
  return withLiterals('EXECUTE drydock_record ($1, $2, $3, $4, $5, $6, $7, $8)', [
    ...[entry.version, entry.name, entry.checksum, entry.plan, entry.appliedBy],
    ...[entry.backup, entry.digest, entry.line],
  ]);
}
