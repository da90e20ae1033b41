// The tables that two databases have in common, as far as their rows can be told apart by a key.

import type { Database } from '../postgres/connect.ts';

/** A table with a primary key. */
interface KeyedTable {
  readonly name: string;
  readonly key: readonly string[] | null;
  /** Columns that can be written, in their order. */
  readonly columns: readonly string[];
  /** Columns that no UPDATE can set: GENERATED ALWAYS AS IDENTITY. */
  readonly fixed: readonly string[];
  /** Tables that this one refers to. */
  readonly refersTo: readonly string[];
}

/** A table of both databases. */
export interface CommonTable {
  readonly name: string;
  readonly key: readonly string[];
  /** Columns that both have. */
  readonly columns: readonly string[];
  /** Those of them that are no part of the key, and that an UPDATE can set. */
  readonly settable: readonly string[];
  /** Columns that the other database does not have. */
  readonly lostColumns: readonly string[];
}

/** What two databases have in common. */
export interface CommonTables {
  /** Those that others refer to come first, as far as they do not refer to each other in a circle. */
  readonly tables: readonly CommonTable[];
  /** Tables of the first one that cannot be compared, and why. */
  readonly skipped: readonly { readonly table: string; readonly reason: string }[];
}

/** Finds the tables of `from` that `to` has as well. */
export async function commonTables(from: Database, to: Database): Promise<CommonTables> {
  const there = new Map((await readTables(to)).map((table) => [table.name, table]));
  const tables: CommonTable[] = [];
  const skipped: { table: string; reason: string }[] = [];
  for (const { name, key, columns } of await readTables(from)) {
    const other = there.get(name);
    const common = columns.filter((column) => other?.columns.includes(column));
    if (other === undefined)
      skipped.push({ table: name, reason: `${to.address.database} has no such table` });
    else if (key === null || other.key === null)
      skipped.push({ table: name, reason: 'it has no primary key' });
    else if (key.join('\n') !== other.key.join('\n'))
      skipped.push({ table: name, reason: 'its primary keys are different' });
    else
      tables.push({
        name,
        key,
        columns: common,
        settable: common.filter((column) => ![...key, ...other.fixed].includes(column)),
        lostColumns: columns.filter((column) => !other.columns.includes(column)),
      });
  }
  return { tables: referredFirst(tables, there), skipped };
}

async function readTables(database: Database): Promise<readonly KeyedTable[]> {
  return await database.query<KeyedTable>(
    `SELECT c.oid::regclass::text AS name,
            (SELECT array_agg(a.attname::text ORDER BY k.place)
               FROM pg_index i, unnest(i.indkey) WITH ORDINALITY k (attnum, place), pg_attribute a
              WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid AND a.attnum = k.attnum
                AND k.place <= i.indnkeyatts) AS key,
            ARRAY(SELECT attname::text FROM pg_attribute
                   WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
                   ORDER BY attnum) AS columns,
            ARRAY(SELECT attname::text FROM pg_attribute
                   WHERE attrelid = c.oid AND attnum > 0 AND attidentity = 'a') AS fixed,
            ARRAY(SELECT confrelid::regclass::text FROM pg_constraint
                   WHERE conrelid = c.oid AND contype = 'f') AS "refersTo"
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'r' AND c.relpersistence <> 't'
        AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'drydock')
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                           AND d.objid = c.oid AND d.deptype = 'e')
      ORDER BY 1`,
  );
}

function referredFirst(
  tables: readonly CommonTable[],
  known: ReadonlyMap<string, KeyedTable>,
): CommonTable[] {
  const ordered = new Set<string>();
  const visit = (name: string, path: readonly string[]): void => {
    if (ordered.has(name) || path.includes(name)) return;
    for (const other of known.get(name)?.refersTo ?? []) visit(other, [...path, name]);
    ordered.add(name);
  };
  for (const { name } of tables) visit(name, []);
  const places = [...ordered];
  return tables.toSorted((a, b) => places.indexOf(a.name) - places.indexOf(b.name));
}
