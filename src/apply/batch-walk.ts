// The key along which a table is walked, and the next piece of it. Keys travel as texts, dates in ISO
// form whatever the session's settings are.

import type { Failure } from '../core/failure.ts';
import { quoteIdentifier } from '../postgres/address.ts';
import type { Database } from '../postgres/connect.ts';
import { cannotBeBatched } from './batch-refusal.ts';
import type { BatchStatement, KeyColumn } from './batch-statement.ts';

interface UniqueIndex {
  readonly isPrimary: boolean;
  readonly columns: readonly (KeyColumn & { readonly mayBeNull: boolean })[];
}

/**
 * The key: the primary one, or the unique index of the columns that were named.
 *
 * @throws `apply/cannot-be-batched` without such an index, where a column of it may be null, and where
 *   the statement changes one
 */
export async function findKey(
  database: Database,
  { relation, writes }: BatchStatement,
  named: readonly string[] | undefined,
): Promise<readonly KeyColumn[]> {
  const indexes = await database.query<UniqueIndex>(
    `SELECT i.indisprimary AS "isPrimary",
            jsonb_agg(jsonb_build_object('name', a.attname, 'mayBeNull', NOT a.attnotnull,
                                         'type', format_type(a.atttypid, a.atttypmod)) ORDER BY k.place) AS columns
     FROM pg_index i
     CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
     JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
     WHERE i.indrelid = to_regclass($1) AND i.indisunique AND i.indisvalid
       AND i.indpred IS NULL AND i.indexprs IS NULL AND k.place <= i.indnkeyatts
     GROUP BY i.indexrelid, i.indisprimary`,
    [relation],
  );
  const key = indexes.find(({ isPrimary, columns }) =>
    named === undefined ? isPrimary : columns.map(({ name }) => name).join() === named.join(),
  )?.columns;
  if (key === undefined) throw noKey(relation, named);
  const nullable = key.find(({ mayBeNull }) => mayBeNull);
  if (nullable !== undefined) {
    throw cannotBeBatched(
      `${nullable.name} of its key may be null, and rows without a key would be passed over`,
      `Make the column NOT NULL, or name another unique key: -- drydock: batch key=…`,
    );
  }
  const written = key.find(({ name }) => writes.includes(name));
  if (written !== undefined) {
    throw cannotBeBatched(
      `it changes ${written.name}, the key along which ${relation} is walked`,
      'Name another unique key: -- drydock: batch key=…',
    );
  }
  return key;
}

/** Estimated number of rows; 0 when the server does not know. */
export async function estimatedRows(database: Database, relation: string): Promise<number> {
  const { rows } = await database.one<{ rows: number }>(
    `SELECT coalesce(sum(greatest(c.reltuples, 0)), 0)::float8 AS rows
     FROM pg_class c
     WHERE c.oid = to_regclass($1) OR c.oid IN (SELECT relid FROM pg_partition_tree(to_regclass($1)))`,
    [relation],
  );
  return rows;
}

/** The last key of the table; undefined when it is empty. */
export async function lastKey(
  database: Database,
  table: string,
  key: readonly KeyColumn[],
): Promise<readonly string[] | undefined> {
  const [row] = await database.query<{ key: string[] }>(
    `SELECT ${texts(key)} AS key FROM ${table} ORDER BY ${inOrder(key, 'DESC')} LIMIT 1`,
  );
  return row?.key;
}

/** A piece of the walk: up to which key, and how many rows are in it. */
export interface Piece {
  readonly to: readonly string[];
  readonly walked: number;
}

/** The next piece after `from`, not beyond `end`; undefined at the end. */
export async function nextPiece(
  database: Database,
  table: string,
  walk: {
    readonly key: readonly KeyColumn[];
    readonly from: readonly string[] | null;
    readonly end: readonly string[];
    readonly size: number;
  },
): Promise<Piece | undefined> {
  const { key, from, end, size } = walk;
  const values = (first: number): string =>
    key.map(({ type }, index) => `$${first + index}::${type}`).join(', ');
  const names = key.map(({ name }) => quoteIdentifier(name)).join(', ');
  const after = from === null ? '' : `AND (${names}) > (${values(key.length + 1)})`;
  // Known keys at both ends: the piece is read from the index alone.
  const [row] = await database.query<{ to: string[]; walked: number }>(
    `SELECT ${texts(key)} AS to, (count(*) OVER ())::int AS walked
     FROM (SELECT ${names} FROM ${table} WHERE (${names}) <= (${values(1)}) ${after}
           ORDER BY ${inOrder(key, 'ASC')} LIMIT ${size}) AS piece
     ORDER BY ${inOrder(key, 'DESC')} LIMIT 1`,
    [...end, ...(from ?? [])],
  );
  return row;
}

function texts(key: readonly KeyColumn[]): string {
  return `ARRAY[${key.map(({ name }) => `to_jsonb(${quoteIdentifier(name)}) #>> '{}'`).join(', ')}]`;
}

function inOrder(key: readonly KeyColumn[], direction: 'ASC' | 'DESC'): string {
  return key.map(({ name }) => `${quoteIdentifier(name)} ${direction}`).join(', ');
}

/** Stops where one of the functions sums up rows: each batch would give a sum of its own. */
export async function assertNoSums(
  database: Database,
  functions: readonly string[],
): Promise<void> {
  if (functions.length === 0) return;
  const [found] = await database.query<{ name: string }>(
    "SELECT proname AS name FROM pg_proc WHERE prokind IN ('a', 'w') AND proname = ANY ($1) LIMIT 1",
    [functions],
  );
  if (found === undefined) return;
  throw cannotBeBatched(
    `${found.name} sums up all rows together`,
    'Write the rows that it gives into a table of its own, and insert from there.',
  );
}

function noKey(relation: string, named: readonly string[] | undefined): Failure {
  return cannotBeBatched(
    named === undefined
      ? `${relation} has no primary key`
      : `${relation} has no unique index on exactly (${named.join(', ')})`,
    'Give it one, or name the columns of another unique index, in its order: -- drydock: batch key=…',
  );
}
