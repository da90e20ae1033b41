// The rows of a database in figures: how many each table has, and one number that changes with any of
// them. Neither depends on the order of rows and columns, which a restore does not keep.

import { quoteIdentifier, quoteLiteral } from './address.ts';
import type { Database } from './connect.ts';

/** What the rows of tables are, in one number for each table. */
export interface RowHashes {
  /** Hash of one value of each type whose text depends on version or machine: equal where hashes can be compared. */
  readonly probe: string;
  /** By qualified name; tables that were too large to be hashed are not there. */
  readonly tables: Readonly<Record<string, string>>;
  /** Of the large objects; null when they were not hashed. */
  readonly largeObjects: string | null;
}

/** The rows of every table of which a dump carries the rows. */
export interface RowFigures {
  /** Rows by qualified name of the table. */
  readonly tables: Readonly<Record<string, number>>;
  readonly hashes: RowHashes;
}

/**
 * What is hashed: small tables first, up to so many bytes altogether; or the same as in an earlier
 * reading, as far as this server prints values as the earlier one did.
 */
export type HashScope = { readonly upToBytes: number } | { readonly like: RowHashes };

/**
 * Counts the rows of every table, and hashes those in `scope`. The session must be the caller's own:
 * settings that rule how values are printed are changed in it.
 *
 * To hash a table costs about as much as to COPY it, to count it a tenth of that. The server gives
 * parallel workers to large tables by itself, so one session is enough.
 */
export async function readRows(database: Database, scope: HashScope): Promise<RowFigures> {
  await database.execute(printing);
  const { probe } = await database.one<{ probe: string }>(`SELECT ${probeHash} AS probe`);
  const [largeObjects, ...tables] = await listTables(database);
  const hashed = chooseHashed([largeObjects, ...tables], scope, probe);
  const rows: { name: string; rows: string; hash: string | null }[] = [];
  for (const batch of inBatches(tables)) {
    const queries = batch.map((table) => tableQuery(table, hashed.has(table)));
    rows.push(...(await database.query<(typeof rows)[number]>(queries.join(' UNION ALL '))));
  }
  return {
    tables: inOrder(rows.map((row) => [row.name, Number(row.rows)])),
    hashes: {
      probe,
      tables: inOrder(rows.flatMap(({ name, hash }) => (hash === null ? [] : [[name, hash]]))),
      largeObjects: hashed.has(largeObjects) ? await hashLargeObjects(database) : null,
    },
  };
}

/** Stands in what Drydock asks of an application's tables: pg_stat_statements keeps it. */
export const ownMark = '/* drydock */';

/** Makes a session print values by nothing but the values; and jit compiles longer than it saves. */
export const printing: string = `
  SET jit = off; SET extra_float_digits = 3; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres';
  SET timezone = 'UTC'; SET bytea_output = 'hex'; SET lc_monetary = 'C'; SET quote_all_identifiers = off;
  SET search_path = ''`;

// The function gives the same number on every version, because partitioning by hash stands on it
// (manual, 5.11.1), but another one on machines of the other byte order (hashfn.c in the sources).
const probeHash = `hashtextextended(ROW(0.1::float8, 1e20::float4, 1.10::numeric,
  timestamptz '2000-01-02 03:04:05.6+07', interval '1 year 2 days 3:04:05.6', '\\x00ff'::bytea,
  1234.5::numeric::money, jsonb '{"b": 1.0, "a": null}', 'pg_class'::regclass)::text COLLATE "C", 1)::text`;

interface CountedTable {
  readonly name: string;
  readonly sizeBytes: number;
  readonly columns: readonly string[];
}

// The large objects first, as a table of theirs: without a right to read them, one of endless size.
async function listTables(database: Database): Promise<[CountedTable, ...CountedTable[]]> {
  // A partitioned table has no rows of its own, a foreign table's rows are elsewhere. A dump holds
  // rows of an extension's table only where the extension asked for all of them (manual, 38.17.4).
  const tables = await database.query<{ name: string; bytes: string; columns: string[] }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name, COALESCE(pg_table_size(c.oid), 0) AS bytes,
            ARRAY(SELECT attname::text FROM pg_attribute
                   WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated <> 'v'
                   ORDER BY attname::text COLLATE "C") AS columns
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'r' AND c.relpersistence <> 't'
        AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND NOT EXISTS (
              SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
               WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
                 AND NOT EXISTS (SELECT FROM unnest(e.extconfig, e.extcondition) AS u (id, condition)
                                  WHERE u.id = c.oid AND u.condition = ''))`,
  );
  const { bytes } = await database.one<{ bytes: string | null }>(
    `SELECT CASE WHEN has_table_privilege('pg_largeobject', 'SELECT')
                 THEN pg_table_size('pg_largeobject') END AS bytes`,
  );
  const largeObjects = { name: '', sizeBytes: Number(bytes ?? Infinity), columns: [] };
  return [largeObjects, ...tables.map((table) => ({ ...table, sizeBytes: Number(table.bytes) }))];
}

function chooseHashed(
  tables: readonly CountedTable[],
  scope: HashScope,
  probe: string,
): Set<CountedTable> {
  const readable = tables.filter(({ sizeBytes }) => Number.isFinite(sizeBytes));
  if ('like' in scope) {
    const { like } = scope;
    const wanted = ({ name }: CountedTable): boolean =>
      name === '' ? like.largeObjects !== null : like.tables[name] !== undefined;
    return new Set(like.probe === probe ? readable.filter(wanted) : []);
  }
  let left = scope.upToBytes;
  const smallestFirst = readable.toSorted((a, b) => a.sizeBytes - b.sizeBytes);
  return new Set(
    smallestFirst.filter(({ sizeBytes }) => {
      left -= sizeBytes;
      return left >= 0;
    }),
  );
}

function tableQuery({ name, columns }: CountedTable, isHashed: boolean): string {
  const hash = isHashed ? `COALESCE(sum(${rowHash(columns)}), 0)::text` : 'NULL::text';
  return `SELECT ${ownMark} ${quoteLiteral(name)} AS name, count(*) AS rows, ${hash} AS hash FROM ONLY ${name} AS r`;
}

/**
 * An expression for the hash of a row of `r`, for a session that prints values by {@link printing}.
 *
 * Column by column: printing a whole row takes twice as long, for the quotes that it needs. The place
 * of a column goes into its hash, so that values which change places are noticed; and what the columns
 * come to is hashed once more, because an exchange between two rows could leave a sum as it was.
 */
export function rowHash(columns: readonly string[]): string {
  const values = columns.map((column, index) => {
    const text = `r.${quoteIdentifier(column)}::text COLLATE "C"`;
    return `COALESCE(hashtextextended(${text}, ${index + 1}), ${index + 1})`;
  });
  return `hashtextextended((${values.length === 0 ? '0' : values.join(' # ')})::text COLLATE "C", 0)`;
}

// What an object lacks at the end of a page reads as zeros, and a restore writes those out.
async function hashLargeObjects(database: Database): Promise<string> {
  const { hash } = await database.one<{ hash: string }>(
    `SELECT COALESCE(sum(hashtextextended(concat_ws(' ', loid, pageno, page) COLLATE "C", 0)), 0)::text AS hash
       FROM (SELECT loid, pageno, rtrim(encode(data, 'hex'), '0') AS page FROM pg_largeobject) pages
      WHERE page <> ''`,
  );
  return hash;
}

// One query for many tables, because a database may have ten thousand of them; not one for all, because
// the server would plan it and lock all of its tables before it began.
function inBatches<T>(items: readonly T[]): T[][] {
  const batchSize = 100;
  return Array.from({ length: Math.ceil(items.length / batchSize) }, (_, index) =>
    items.slice(index * batchSize, (index + 1) * batchSize),
  );
}

function inOrder<T>(entries: readonly (readonly [string, T])[]): Record<string, T> {
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
