// Rows of a table without a key are found by all their values: without an index each such change would
// read the whole table.

import { quoteIdentifier } from '../postgres/address.ts';
import type { Database } from '../postgres/connect.ts';
import type { CatalogImage } from './image.ts';
import { named } from './statement.ts';

const prefix = 'drydock_rescue_';

/** Makes an index for each table without a key, on its most selective column. */
export async function makeFinders(copy: Database, before: CatalogImage): Promise<void> {
  const known = await readFinders(copy);
  for (const table of before.values()) {
    if (table.key.length > 0 || known.has(named(table))) continue;
    // A hash takes values of every length; arrays, documents and the like are left out.
    const [column] = await copy.query<{ name: string }>(
      `SELECT a.attname AS name FROM pg_attribute a
         JOIN pg_type t ON t.oid = a.atttypid
         LEFT JOIN pg_stats s ON s.schemaname = $1 AND s.tablename = $2 AND s.attname = a.attname
        WHERE a.attrelid = $3::regclass AND a.attnum > 0 AND NOT a.attisdropped AND t.typcategory IN ('N', 'S', 'D', 'U')
          AND EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod AND m.amname = 'hash'
                       WHERE o.opcdefault AND (o.opcintype = t.oid OR (o.opcintype = 'text'::regtype AND t.typname = 'varchar')))
        ORDER BY CASE WHEN s.n_distinct < 0 THEN -1e9 * s.n_distinct ELSE coalesce(s.n_distinct, 0) END DESC LIMIT 1`,
      [table.schema, table.name, named(table)],
    );
    if (column === undefined) continue;
    const index = quoteIdentifier(`${prefix}${table.oid}`);
    await copy.execute(
      `CREATE INDEX ${index} ON ${named(table)} USING hash (${quoteIdentifier(column.name)})`,
    );
  }
}

/** The column of each finder, by its table. */
export async function readFinders(copy: Database): Promise<ReadonlyMap<string, string>> {
  const rows = await copy.query<{ schema: string; name: string; column: string }>(
    `SELECT n.nspname AS schema, t.relname AS name, a.attname AS column
       FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid JOIN pg_class t ON t.oid = i.indrelid
       JOIN pg_namespace n ON n.oid = t.relnamespace
       JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[0]
      WHERE c.relname ~ '^${prefix}\\d+$'`,
  );
  return new Map(rows.map(({ column, ...table }) => [named(table), column]));
}

/** Drops them. */
export async function dropFinders(copy: Database): Promise<void> {
  const rows = await copy.query<{ name: string }>(
    `SELECT c.oid::regclass::text AS name FROM pg_class c WHERE c.relkind = 'i' AND c.relname ~ '^${prefix}\\d+$'`,
  );
  for (const { name } of rows) await copy.execute(`DROP INDEX ${name}`);
}
