// Reads what is needed of a table to put its rows back.

import type { RetypedColumn } from '../../history/undo-runs.ts';
import type { Database } from '../../postgres/connect.ts';
import type { NotedTable } from './keyed-rows.ts';
import { readTables } from './tables.ts';

/** The table as it is now; undefined when it is gone. */
export async function readNotedTable(
  database: Database,
  relation: number,
  retyped: readonly RetypedColumn[],
): Promise<NotedTable | undefined> {
  const [table] = await readTables(database, [relation]);
  if (table === undefined) return undefined;
  const referredBy = await database.query<NotedTable['referredBy'][number]>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS child,
            (SELECT json_agg(json_build_array(p.attnum, quote_ident(a.attname)))
               FROM unnest(k.confkey, k.conkey) AS p (attnum, child)
               JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = p.child) AS columns
       FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE k.contype = 'f' AND k.confrelid = $1::int8::oid
        AND NOT EXISTS (SELECT FROM pg_constraint p WHERE p.oid = k.conparentid AND p.confrelid = k.confrelid)`,
    [relation],
  );
  return { table, retyped, referredBy };
}
