// A row may get another key before it is put back, or before what refers to it is: triggers that follow it,
// from the migration on until the plan is taken back or finalized. Others pay for them where they change a
// key, and nowhere else.

import type { Database } from '../../postgres/connect.ts';
import { type NumberedTable, readTables } from './tables.ts';

/** Name of these triggers. */
export const followerName = 'drydock_undo_key';

/** PL/pgSQL that makes one where there is none; nothing where the table has no key. */
export function followKeys(run: string, table: NumberedTable): string {
  const followed = table.columns.filter(
    ({ number }) => table.key.includes(number) || table.referred.includes(number),
  );
  if (followed.length === 0) return '';
  const changed = followed.map(({ name }) => `OLD.${name} IS DISTINCT FROM NEW.${name}`);
  const numbers = followed.map(({ number }) => `'${number}'`).join(', ');
  return `
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = ${table.relation} AND tgname = '${followerName}') THEN
      CREATE TRIGGER ${followerName} AFTER UPDATE ON ${table.name}
        FOR EACH ROW WHEN (${changed.join(' OR ')}) EXECUTE FUNCTION drydock.undo_follow(${numbers});
    END IF;
    UPDATE drydock.undo_runs SET captured = captured || ${table.relation}::oid WHERE id = ${run};`;
}

/**
 * The statements that follow the tables to which these foreign keys refer, given by their object ids: while
 * they are gone no child is taken along.
 */
export async function followParents(
  database: Database,
  run: string,
  constraints: readonly number[],
): Promise<readonly string[]> {
  const parents = await database.query<{ relation: number }>(
    `SELECT DISTINCT confrelid::int8::float8 AS relation FROM pg_constraint
      WHERE oid = ANY ($1::int8[]::oid[]) AND confupdtype IN ('c', 'n', 'd')`,
    [constraints],
  );
  const tables = await readTables(
    database,
    parents.map(({ relation }) => relation),
  );
  return tables.map((table) => follow(run, table));
}

/**
 * What is run before and after a statement that gives columns of a table another type: no column may get one
 * while a trigger reads it. Nothing where the table is not followed.
 */
export async function aroundNewTypes(
  database: Database,
  run: string,
  name: string,
): Promise<{ readonly before: readonly string[]; readonly after: readonly string[] }> {
  const followed = await database.query<{ relation: number }>(
    `SELECT tgrelid::int8::float8 AS relation FROM pg_trigger
      WHERE tgrelid = to_regclass($1) AND tgname = $2`,
    [name, followerName],
  );
  const [table] = await readTables(
    database,
    followed.map(({ relation }) => relation),
  );
  return table === undefined
    ? { before: [], after: [] }
    : { before: [`DROP TRIGGER ${followerName} ON ${table.name}`], after: [follow(run, table)] };
}

function follow(run: string, table: NumberedTable): string {
  return `DO $drydock$ BEGIN${followKeys(run, table)}\nEND $drydock$`;
}
