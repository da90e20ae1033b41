// Drydock's own schema, made and brought up to date by numbered SQL.

import { Failure, withCleanup } from '../core/failure.ts';
import { quoteIdentifier } from '../postgres/address.ts';
import type { Database } from '../postgres/connect.ts';
import history001 from './schema/001_history.sql';
import journalRole from './schema/002_journal_role.sql';
import stepRecords from './schema/003_steps.sql';
import expectedSchema from './schema/004_expected_schema.sql';
import batches from './schema/005_batches.sql';
import undo from './schema/007_undo.sql';
import looks from './schema/008_looks.sql';
import rescue from './schema/009_rescue.sql';
import rescueLog from './schema/010_rescue_log.sql';
import undoMoves from './schema/011_undo_moves.sql';

const files: readonly string[] = [
  history001,
  journalRole,
  stepRecords,
  expectedSchema,
  batches,
  undo,
  looks,
  rescue,
  rescueLog,
  undoMoves,
];

/** True when this database has Drydock's schema (of any version). */
export function isInstalled(database: Database): Promise<boolean> {
  return hasTable(database, 'schema_version');
}

// What was found once is not taken away: a session need not ask again.
const known = new WeakMap<Database, Map<string, Promise<boolean>>>();

/** True when this database has that table of Drydock's schema, which came with one of its versions. */
export async function hasTable(database: Database, table: string): Promise<boolean> {
  const tables = known.get(database) ?? new Map<string, Promise<boolean>>();
  known.set(database, tables);
  const answer = tables.get(table) ?? lookFor(database, table);
  tables.set(table, answer);
  const found = await answer.catch(() => false);
  if (!found) tables.delete(table);
  return answer;
}

/**
 * Asks at once which tables of Drydock's schema there are: what is read of them later begins without a
 * question of its own.
 */
export async function lookForTables(database: Database): Promise<void> {
  const tables = [
    'schema_version',
    'expected_schema',
    'batches',
    'pause',
    'undo_runs',
    'rescue_runs',
  ];
  await Promise.all(tables.map((table) => hasTable(database, table)));
}

async function lookFor(database: Database, table: string): Promise<boolean> {
  const { found } = await database.one<{ found: boolean }>(
    'SELECT to_regclass($1) IS NOT NULL AS found',
    [`drydock.${table}`],
  );
  return found;
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
  if (from === 0) await assertMayInstall(database);
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

// Asked first: the server's own words would not say what to do.
async function assertMayInstall(database: Database): Promise<void> {
  const { may, role } = await database.one<{ may: boolean; role: string }>(
    `SELECT CASE WHEN to_regnamespace('drydock') IS NULL
                 THEN has_database_privilege(current_database(), 'CREATE')
                 ELSE pg_has_role(nspowner, 'USAGE') END AS may,
            current_user::text AS role
     FROM (SELECT 1) AS one LEFT JOIN pg_namespace ON nspname = 'drydock'`,
  );
  if (may) return;
  throw new Failure({
    code: 'history/may-not-install',
    message: `${role} may not make the schema drydock in ${database.address.label}`,
    hint: `Let an administrator make it once: CREATE SCHEMA drydock AUTHORIZATION ${quoteIdentifier(role)};`,
    details: { role },
  });
}

function newerSchema(found: number): Failure {
  return new Failure({
    code: 'history/newer-schema',
    message: `the schema drydock of this database has version ${found}, this Drydock knows ${files.length}`,
    hint: 'Update Drydock to the version that your team uses: npm install pg-drydock@latest',
  });
}
