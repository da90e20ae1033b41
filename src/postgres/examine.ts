// Reads every page of tables and indexes and looks whether it makes sense, by PostgreSQL's own
// extension for that (manual, F.2: amcheck).

import type { Database } from './connect.ts';
import { sqlStateOf } from './server-error.ts';

/** What was examined. */
export interface Examined {
  readonly tables: number;
  readonly indexes: number;
}

/** What examining has found: with no problems, everything is in order. */
export interface Examination extends Examined {
  readonly problems: readonly string[];
}

/**
 * Examines a database that nobody else works in. It makes the extension there, so that must be a copy.
 * Undefined where the server has no amcheck, or one that is too old.
 */
export async function examine(database: Database): Promise<Examination | undefined> {
  const [available] = await database.query(
    "SELECT FROM pg_available_extensions WHERE name = 'amcheck' AND default_version::numeric >= 1.3",
  );
  if (available === undefined) return undefined;
  await database.execute(
    'CREATE SCHEMA drydock_examination; CREATE EXTENSION amcheck SCHEMA drydock_examination',
  );
  const problems: string[] = [];
  const tables = await named(
    database,
    `c.relkind IN ('r', 'm', 't') AND c.relam = (SELECT oid FROM pg_am WHERE amname = 'heap')`,
  );
  for (const { id, name } of tables) {
    const found = await database.query<{ msg: string }>(
      'SELECT msg FROM drydock_examination.verify_heapam($1::oid) LIMIT 3',
      [id],
    );
    problems.push(...found.map(({ msg }) => `${name}: ${msg}`));
  }
  const indexes = await named(
    database,
    `c.relkind = 'i' AND c.relam = (SELECT oid FROM pg_am WHERE amname = 'btree')
       AND EXISTS (SELECT FROM pg_index WHERE indexrelid = c.oid AND indisvalid)`,
  );
  for (const { id, name } of indexes) {
    // Its error is its finding: every row of the table must be in the index too.
    await database
      .query('SELECT drydock_examination.bt_index_check($1::oid, true)', [id])
      .catch((failure: Error) => {
        if (!sqlStateOf(failure)?.startsWith('XX')) throw failure;
        problems.push(`${name}: ${failure.message}`);
      });
  }
  await database.execute('DROP SCHEMA drydock_examination CASCADE');
  return { tables: tables.length, indexes: indexes.length, problems };
}

async function named(
  database: Database,
  condition: string,
): Promise<{ id: number; name: string }[]> {
  return await database.query(
    `SELECT c.oid AS id, format('%I.%I', n.nspname, c.relname) AS name
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relpersistence <> 't' AND ${condition} ORDER BY 2`,
  );
}
