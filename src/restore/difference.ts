// Which rows of a table one database has and another has not, by primary key: both sides are read in
// one order and merged, so that the size of the table does not matter.

import { quoteIdentifier } from '../postgres/address.ts';
import type { Database } from '../postgres/connect.ts';
import { rowHash } from '../postgres/rows.ts';
import type { CommonTable } from './tables.ts';

/** A row by its key. */
export interface RowDifference {
  /** `missing`: the other side has no such key. `changed`: it has another row there. */
  readonly kind: 'missing' | 'changed';
  /** The values of the key as SQL literals, in brackets. */
  readonly key: string;
}

interface Row {
  readonly place: string;
  readonly hash: string;
  readonly key: string;
}

/** Tells the rows of `from` that `to` does not have, or has otherwise. Both are in a transaction. */
export async function* rowDifferences(
  table: CommonTable,
  { from, to }: { readonly from: Database; readonly to: Database },
): AsyncGenerator<RowDifference> {
  const others = rowsOf(table, to);
  let other = await others.next();
  for await (const row of rowsOf(table, from)) {
    while (!other.done && other.value.place < row.place) other = await others.next();
    if (other.done || other.value.place !== row.place) yield { kind: 'missing', key: row.key };
    else if (other.value.hash !== row.hash) yield { kind: 'changed', key: row.key };
  }
  await others.return(undefined);
}

const fetchedAtOnce = 5_000;

// In the order of a digest of the key: the same in every encoding and collation, for the server and
// for the comparison of texts here.
async function* rowsOf(
  { name, key, columns }: CommonTable,
  database: Database,
): AsyncGenerator<Row> {
  const literals = `'(' || ${literalsOf(key)} || ')'`;
  await database.execute(
    `DECLARE rows NO SCROLL CURSOR FOR
     SELECT md5(key) AS place, hash::text AS hash, key
       FROM (SELECT ${literals} AS key, ${rowHash(columns)} AS hash FROM ONLY ${name} AS r) keyed
      ORDER BY md5(key) COLLATE "C"`,
  );
  try {
    for (let count = fetchedAtOnce; count === fetchedAtOnce; ) {
      const rows = await database.query<Row>(`FETCH ${fetchedAtOnce} FROM rows`);
      yield* rows;
      count = rows.length;
    }
  } finally {
    await database.execute('CLOSE rows');
  }
}

/** Reads rows of a table by their keys: the values of some columns as SQL literals, with the key. */
export async function readRowsByKey(
  { name, key }: CommonTable,
  wanted: { readonly keys: readonly string[]; readonly columns: readonly string[] },
  database: Database,
): Promise<readonly { readonly key: string; readonly values: string }[]> {
  const names = key.map((column) => `r.${quoteIdentifier(column)}`).join(', ');
  return await database.query(
    `SELECT '(' || ${literalsOf(key)} || ')' AS key, ${literalsOf(wanted.columns)} AS values
       FROM ONLY ${name} AS r WHERE (${names}) IN (${wanted.keys.join(', ')})`,
  );
}

// An array, for no function takes more than a hundred values.
function literalsOf(columns: readonly string[]): string {
  const literals = columns.map((column) => `quote_nullable(r.${quoteIdentifier(column)}::text)`);
  return `array_to_string(ARRAY[${literals.join(', ')}]::text[], ', ')`;
}
