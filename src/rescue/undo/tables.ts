// Tables as undo sees them: by the numbers of their columns, which outlast every new name.

import type { Database } from '../../postgres/connect.ts';

/** A column by its number. */
export interface NumberedColumn {
  readonly number: number;
  /** Quoted. */
  readonly name: string;
  readonly type: string;
  /** Its value is computed: it is neither noted nor put back. */
  readonly isComputed: boolean;
  readonly notNull: boolean;
  readonly isIdentity: boolean;
  /** The operator that compares two keys, whatever the search path. */
  readonly equals: string;
}

/** A table, as it is called now. */
export interface NumberedTable {
  readonly relation: number;
  /** Qualified and quoted, whatever the search path. */
  readonly name: string;
  readonly columns: readonly NumberedColumn[];
  /** Numbers of the columns of its key; none: the table has no key. */
  readonly key: readonly number[];
  /** Numbers of the columns that foreign keys refer to. */
  readonly referred: readonly number[];
  /** Foreign keys of its own, by their object ids. */
  readonly references: readonly number[];
  /** True where its rows can be those of other tables too: it is partitioned, or takes part in inheritance. */
  readonly hasKin: boolean;
}

/** The tables with these object ids that are there. */
export async function readTables(
  database: Database,
  relations: readonly number[],
): Promise<readonly NumberedTable[]> {
  return database.query<NumberedTable>(
    `SELECT c.oid::int8::float8 AS relation, format('%I.%I', n.nspname, c.relname) AS name,
            (SELECT json_agg(json_build_object('number', a.attnum, 'name', quote_ident(a.attname),
                      'type', format_type(a.atttypid, a.atttypmod), 'isComputed', a.attgenerated <> '',
                      'notNull', a.attnotnull, 'isIdentity', a.attidentity <> '',
                      'equals', CASE WHEN y.typtype = 'b' AND y.typelem = 0 THEN format('OPERATOR(%I.=)', s.nspname) ELSE '=' END) ORDER BY a.attnum)
               FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid JOIN pg_namespace s ON s.oid = y.typnamespace
              WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
            -- The primary key; else a unique index that can name every row.
            coalesce((SELECT array_to_json(i.indkey::int2[]) FROM pg_index i
               WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
                 AND i.indimmediate AND i.indnkeyatts = i.indnatts
                 AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey) AND NOT a.attnotnull)
               ORDER BY i.indisprimary DESC, i.indexrelid LIMIT 1), '[]') AS key,
            (SELECT coalesce(json_agg(DISTINCT number), '[]') FROM pg_constraint k CROSS JOIN unnest(k.confkey) AS number
              WHERE k.contype = 'f' AND k.confrelid = c.oid) AS referred,
            (SELECT coalesce(json_agg(k.oid::int8), '[]') FROM pg_constraint k
              WHERE k.contype = 'f' AND k.conrelid = c.oid) AS "references",
            c.relkind = 'p' OR EXISTS (SELECT FROM pg_inherits WHERE c.oid IN (inhrelid, inhparent)) AS "hasKin"
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.oid = ANY ($1::int8[]::oid[]) AND c.relkind IN ('r', 'p') ORDER BY c.oid`,
    [relations],
  );
}

/** SQL of a row of `table` as JSON: texts by the numbers of their columns. */
export function rowAsTexts(
  { columns }: Pick<NumberedTable, 'columns'>,
  row: string,
  only: (column: NumberedColumn) => boolean = () => true,
): string {
  const shown = columns.filter((column) => !column.isComputed && only(column));
  const numbers = shown.map(({ number }) => number).join(',');
  return `pg_catalog.jsonb_object('{${numbers}}'::text[], ARRAY[${shown.map(({ name }) => `${row}.${name}::text`).join(', ')}]::text[])`;
}

/** In which texts are equal where values are, whatever the role or the database prefers. */
export const plainTexts: readonly string[] = [
  'extra_float_digits = 3',
  "datestyle = 'ISO, YMD'",
  "intervalstyle = 'postgres'",
  "bytea_output = 'hex'",
  "timezone = 'UTC'",
  "xmloption = 'content'",
];

/** An empty search path prints names with their schemas, and keeps foreign functions out. */
export const plainPath = "search_path = ''";
