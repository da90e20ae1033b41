// A trace that a change of the schema leaves even when it is taken back: a dropped column stays in the
// catalog, and a row that was altered twice has another writer (xmin) than before. Unlike the stamp it is
// left alone by ordinary work (temporary tables, TRUNCATE, REFRESH, REINDEX), so that another trace means
// a person. What was made and removed again, such as an index, leaves none: only a look meanwhile sees it.

import type { Database } from './connect.ts';

/** A catalog, the column that names its rows, and which of them count. */
type Catalog = readonly [name: string, key: string, condition: string];

const ofRelation = (key: string): string => `${key} IN (SELECT oid FROM lasting)`;

const catalogs: readonly Catalog[] = [
  ['pg_attribute', 'attrelid', ofRelation('attrelid')],
  ['pg_attrdef', 'oid', ofRelation('adrelid')],
  ['pg_constraint', 'oid', ofRelation('conrelid')],
  ['pg_trigger', 'oid', ofRelation('tgrelid')],
  ['pg_policy', 'oid', ofRelation('polrelid')],
  ['pg_rewrite', 'oid', ofRelation('ev_class')],
  ['pg_sequence', 'seqrelid', ofRelation('seqrelid')],
  ['pg_proc', 'oid', 'oid >= 16384 AND pronamespace IN (SELECT oid FROM spaces)'],
  ['pg_enum', 'oid', 'oid >= 16384'],
];

/** The trace of a database's schema, without Drydock's own. */
export async function schemaTrace(database: Database): Promise<string> {
  const { trace } = await database.one<{ trace: string }>(
    `WITH spaces AS MATERIALIZED (
       SELECT oid FROM pg_catalog.pg_namespace
        WHERE nspname <> 'drydock' AND nspname !~ '^pg_(toast_)?temp_'
     ), lasting AS MATERIALIZED (
       SELECT oid FROM pg_catalog.pg_class
        WHERE oid >= 16384 AND relkind NOT IN ('i', 'I', 't') AND relpersistence <> 't'
          AND relnamespace IN (SELECT oid FROM spaces)
     )
     SELECT md5(string_agg(concat_ws(' ', catalog, number, sum), ',' ORDER BY catalog)) AS trace
     FROM (${catalogs.map(rowsOf).join(' UNION ALL ')}) AS traces (catalog, number, sum)`,
  );
  return trace;
}

function rowsOf([name, key, condition]: Catalog): string {
  return `SELECT '${name}', count(*), sum(hashint8extended(xmin::text::bigint, ${key}::bigint))
       FROM pg_catalog.${name} WHERE ${condition}`;
}
