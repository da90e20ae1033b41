// The tables of a database that rows can be taken of, with their foreign keys; and the order in which
// rows are taken: what is referenced comes first.

import type { Database } from '../../postgres/connect.ts';

/** A foreign key, column by column. */
export interface ForeignKey {
  readonly name: string;
  readonly columns: readonly string[];
  readonly parent: string;
  readonly parentColumns: readonly string[];
  /** Types of the parent's columns, as SQL. */
  readonly types: readonly string[];
}

/** A table. All names are qualified and quoted. */
export interface SampledTable {
  readonly name: string;
  /** How SQL names its rows: without those of tables that inherit from it, with those of its partitions. */
  readonly rows: string;
  /** Columns that are not computed from others. */
  readonly columns: readonly string[];
  readonly keys: readonly ForeignKey[];
}

/** Reads the application's tables: not those of extensions, of other servers or of Drydock. */
export async function readSampledTables(database: Database): Promise<readonly SampledTable[]> {
  return await database.query<SampledTable>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name,
            CASE c.relkind WHEN 'r' THEN 'ONLY ' ELSE '' END || format('%I.%I', n.nspname, c.relname) AS rows,
            ARRAY(SELECT quote_ident(attname) FROM pg_attribute
                   WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
                   ORDER BY attnum) AS columns,
            COALESCE((
              SELECT json_agg(json_build_object(
                       'name', quote_ident(k.conname), 'columns', ${columnsOf('k.conrelid', 'k.conkey')},
                       'parent', format('%I.%I', pn.nspname, p.relname),
                       'parentColumns', ${columnsOf('k.confrelid', 'k.confkey')},
                       'types', ARRAY(SELECT format_type(a.atttypid, NULL)
                                        FROM unnest(k.confkey) WITH ORDINALITY AS key (attnum, place)
                                        JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = key.attnum
                                       ORDER BY place)) ORDER BY k.conname)
                FROM pg_constraint k JOIN pg_class p ON p.oid = k.confrelid
                JOIN pg_namespace pn ON pn.oid = p.relnamespace
               WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.conparentid = 0 AND k.convalidated), '[]') AS keys
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
        AND n.nspname !~ '^(pg_|information_schema$|drydock)'
        AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass
                           AND e.objid = c.oid AND e.deptype = 'e')
      ORDER BY 1`,
  );
}

function columnsOf(table: string, numbers: string): string {
  return `ARRAY(SELECT quote_ident(a.attname) FROM unnest(${numbers}) WITH ORDINALITY AS key (attnum, place)
                  JOIN pg_attribute a ON a.attrelid = ${table} AND a.attnum = key.attnum ORDER BY place)`;
}

/** Parents before their children; of those that reference each other in a circle one comes first. */
export function parentsFirst(tables: readonly SampledTable[]): readonly SampledTable[] {
  const ordered: SampledTable[] = [];
  let waiting = tables;
  while (waiting.length > 0) {
    const byName = new Map(waiting.map((table) => [table.name, table]));
    const parentOf = ({ name, keys }: SampledTable): SampledTable | undefined =>
      keys.flatMap(({ parent }) => (parent === name ? [] : (byName.get(parent) ?? [])))[0];
    const ready = waiting.filter((table) => parentOf(table) === undefined);
    // A circle is closed, and made true, before others take its tables for parents.
    const closing = ready.filter(({ name }) =>
      ordered.some(({ keys }) => keys.some(({ parent }) => parent === name)),
    );
    const found = closing.length > 0 ? closing : ready;
    const next = found.length > 0 ? found : inCircle(waiting, parentOf);
    ordered.push(...next);
    waiting = waiting.filter((table) => !next.includes(table));
  }
  return ordered;
}

// Whoever goes from parent to parent comes into a circle where every table has one.
function inCircle(
  [first]: readonly SampledTable[],
  parentOf: (table: SampledTable) => SampledTable | undefined,
): readonly SampledTable[] {
  const met = new Set<SampledTable>();
  let table = first;
  while (table !== undefined && !met.has(table)) {
    met.add(table);
    table = parentOf(table);
  }
  return table === undefined ? [] : [table];
}
