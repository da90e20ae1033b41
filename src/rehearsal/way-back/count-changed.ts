// Counts the rows that differ between the same table of two databases, by reading both in the order of
// the hash of their primary key and merging them.

import { quoteIdentifier } from '../../postgres/address.ts';
import type { Database } from '../../postgres/connect.ts';

/** What is compared. */
export interface CountedTable {
  readonly table: string;
  /** The columns of its primary key. */
  readonly key: readonly string[];
  /** The columns whose values are compared. */
  readonly columns: readonly string[];
  readonly rows: { readonly was: number; readonly is: number };
}

/** Rows by what became of them. */
export interface ChangedCounts {
  readonly missing: number;
  readonly added: number;
  /** Rows with another value, for each of the columns. */
  readonly changed: readonly number[];
}

// Beyond this, counting would take minutes: the columns are named without a figure.
const mostRows = 2_000_000;
const batch = 20_000;

/** Counts; null for a table that is too large. */
export async function countChanged(
  asItWas: Database,
  asItIs: Database,
  counted: CountedTable,
): Promise<ChangedCounts | null> {
  if (Math.max(counted.rows.was, counted.rows.is) > mostRows) return null;
  const changed = counted.columns.map(() => 0);
  let missing = 0;
  let added = 0;
  const before = rowsOf(asItWas, counted);
  const after = rowsOf(asItIs, counted);
  let [was, is] = [await before.next(), await after.next()];
  while (was.done !== true || is.done !== true) {
    const order = was.done === true ? 1 : is.done === true ? -1 : compare(was.value, is.value);
    if (order === 0) {
      for (const at of changed.keys()) {
        if (was.value?.[at + 1] !== is.value?.[at + 1]) changed[at] = (changed[at] ?? 0) + 1;
      }
    }
    if (order < 0) missing += 1;
    if (order > 0) added += 1;
    if (order <= 0) was = await before.next();
    if (order >= 0) is = await after.next();
  }
  return { missing, added, changed };
}

type HashedRow = readonly (string | null)[];

function compare(a: HashedRow | undefined, b: HashedRow | undefined): number {
  const [first, second] = [BigInt(a?.[0] ?? 0), BigInt(b?.[0] ?? 0)];
  return first < second ? -1 : first > second ? 1 : 0;
}

async function* rowsOf(
  database: Database,
  { table, key, columns }: CountedTable,
): AsyncGenerator<HashedRow, undefined> {
  const text = (column: string): string => `r.${quoteIdentifier(column)}::text`;
  const keyText = key.map((column) => `length(${text(column)}), ${text(column)}`).join(', ');
  const hash = (value: string): string => `hashtextextended(${value} COLLATE "C", 0)::text`;
  await database.execute('BEGIN');
  await database.execute(
    `DECLARE counted CURSOR FOR
     SELECT ARRAY[${[`concat(${keyText})`, ...columns.map(text)].map(hash).join(', ')}] AS hashes
       FROM ONLY ${table} r ORDER BY hashtextextended(concat(${keyText}) COLLATE "C", 0)`,
  );
  for (;;) {
    const rows = await database.query<{ hashes: HashedRow }>(`FETCH ${batch} FROM counted`);
    for (const { hashes } of rows) yield hashes;
    if (rows.length < batch) break;
  }
  await database.execute('COMMIT');
}
