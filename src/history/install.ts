// Drydock's own schema, made and brought up to date by numbered SQL.

import { Failure, withCleanup } from '../core/failure.ts';
import type { Database } from '../postgres/connect.ts';
import history001 from './schema/001_history.sql';
import journalRole from './schema/002_journal_role.sql';
import stepRecords from './schema/003_steps.sql';
import expectedSchema from './schema/004_expected_schema.sql';

const files: readonly string[] = [history001, journalRole, stepRecords, expectedSchema];

/** True when this database has Drydock's schema (of any version). */
export async function isInstalled(database: Database): Promise<boolean> {
  const row = await database.one<{ found: boolean }>(
    "SELECT to_regclass('drydock.schema_version') IS NOT NULL AS found",
  );
  return row.found;
}

/**
 * Makes the schema `drydock` or brings it up to date; does nothing when it is current.
 *
 * @throws `history/newer-schema` when a newer Drydock has been here
 */
export async function install(database: Database): Promise<void> {
  if ((await installedVersion(database)) === files.length) return;
  // Two installers at once are an expected path: the second one waits here and finds the work done.
  // The lock comes before the transaction: a session notices the schema that another one has made
  // while it waited only at the beginning of its next transaction.
  await database.query("SELECT pg_advisory_lock(hashtext('drydock.install'))");
  await withCleanup(
    () => database.transaction(() => bringUpToDate(database)),
    async () => {
      await database.query("SELECT pg_advisory_unlock(hashtext('drydock.install'))");
    },
  );
}

async function bringUpToDate(database: Database): Promise<void> {
  const from = await installedVersion(database);
  if (from > files.length) throw newerSchema(from);
  for (const [index, sql] of files.entries()) {
    if (index < from) continue;
    await database.execute(sql);
    await database.query('INSERT INTO drydock.schema_version (version) VALUES ($1)', [index + 1]);
  }
}

async function installedVersion(database: Database): Promise<number> {
  if (!(await isInstalled(database))) return 0;
  const row = await database.one<{ version: number | null }>(
    'SELECT max(version) AS version FROM drydock.schema_version',
  );
  return row.version ?? 0;
}

function newerSchema(found: number): Failure {
  return new Failure({
    code: 'history/newer-schema',
    message: `the schema drydock of this database has version ${found}, this Drydock knows ${files.length}`,
    hint: 'Update Drydock to the version that your team uses: npm install pg-drydock@latest',
  });
}
