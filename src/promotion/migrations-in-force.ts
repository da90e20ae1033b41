// Compares migrations with a ledger: in force means the same number with the same content, wholly.

import type { LedgerRow } from '../history/ledger.ts';
import { isChecksumOf } from '../migration/checksum.ts';
import type { MigrationText } from '../migration/file.ts';

/** The names of the migrations that a ledger lacks, or has with other content or only in part. */
export function missingFrom(
  ledger: readonly LedgerRow[],
  migrations: readonly MigrationText[],
): readonly string[] {
  const found = new Set(rowsOf(ledger, migrations).map((row) => row.version));
  return migrations.filter(({ version }) => !found.has(version)).map(({ name }) => name);
}

/** The ledger's rows of these migrations, where the content is the same and all of it is in force. */
export function rowsOf(
  ledger: readonly LedgerRow[],
  migrations: readonly MigrationText[],
): readonly LedgerRow[] {
  return ledger.filter(
    (row) =>
      row.state === 'complete' &&
      migrations.some(
        (migration) => migration.version === row.version && isChecksumOf(row.checksum, migration),
      ),
  );
}

/** When the last of them was applied, by the clock of the server; there must be one. */
export function lastAppliedAt(rows: readonly LedgerRow[]): Date {
  return new Date(Math.max(...rows.map(({ appliedAt }) => appliedAt.getTime())));
}
