// The proof before the swap: the rows of both databases at one and the same place of the log. They may
// differ where the migration has touched them, and where the old schema could not hold a write; nowhere else.

import { quoteIdentifier } from '../postgres/address.ts';
import type { Database } from '../postgres/connect.ts';
import { pinnedSettingsSql } from '../postgres/replication.ts';
import type { CatalogImage, ImageTable } from './image.ts';
import { named } from './statement.ts';

/** A table in which rows differ without a reason. */
export interface Unexplained {
  readonly table: string;
  /** How many rows; null: rows without a key are not told apart. */
  readonly rows: number | null;
  /** Keys of the first of them, each a list of texts in JSON. */
  readonly examples: readonly string[];
}

/** What the comparison found. */
export interface Comparison {
  /** Rows of the live database that were looked at. */
  readonly rows: number;
  /** Rows that differ by the migration's doing, or because they were salvaged. */
  readonly explained: number;
  readonly unexplained: readonly Unexplained[];
  /** What was not compared, and why, as sentences. */
  readonly notCompared: readonly string[];
}

/** Both sides, each at rest in a transaction of its own. */
export interface Sides {
  readonly live: Database;
  readonly copy: Database;
  readonly before: CatalogImage;
  readonly now: CatalogImage;
}

const namedAtMost = 5;

/** Compares every table that both have, by the columns that kept their type. */
export async function compareRows({ live, copy, before, now }: Sides): Promise<Comparison> {
  for (const side of [live, copy]) await side.execute(pinnedSettingsSql);
  const touched = await touchedTables(copy);
  const found = { rows: 0, explained: 0 };
  const unexplained: Unexplained[] = [];
  const notCompared: string[] = [];
  for (const was of before.values()) {
    const is = now.get(was.oid);
    const pair = is === undefined ? undefined : pairOf(was, is);
    if (is === undefined || pair === undefined) {
      notCompared.push(`${was.schema}.${was.name}, which the migration has dropped`);
      continue;
    }
    if (pair.left.length > 0) {
      notCompared.push(`${pair.left.join(', ')} of ${was.schema}.${was.name}`);
    }
    const [there, here] = await Promise.all([
      figuresOf(live, is, pair.now),
      figuresOf(copy, was, pair.was),
    ]);
    found.rows += there.rows;
    if (there.rows === here.rows && there.hash === here.hash) continue;
    const name = `${was.schema}.${was.name}`;
    if (pair.key === undefined) {
      if (touched.has(was.oid)) notCompared.push(`the rows of ${name}, which has no key`);
      else unexplained.push({ table: name, rows: null, examples: [] });
      continue;
    }
    const keys = await differentKeys({ live, copy }, { was, is, pair });
    const strange = await unknownOf(copy, was.oid, keys);
    found.explained += keys.length - strange.length;
    if (strange.length > 0) {
      const examples = strange.slice(0, namedAtMost);
      unexplained.push({ table: name, rows: strange.length, examples });
    }
  }
  return { ...found, unexplained, notCompared };
}

/** The columns of a table that can be compared, by their names on each side. */
interface Pair {
  readonly was: readonly string[];
  readonly now: readonly string[];
  readonly key: { readonly was: readonly string[]; readonly now: readonly string[] } | undefined;
  /** Columns that cannot. */
  readonly left: readonly string[];
}

function pairOf(was: ImageTable, is: ImageTable): Pair {
  const kept = was.columns.flatMap((column) => {
    const same = is.columns.find(({ number }) => number === column.number);
    return same?.type === column.type ? [{ was: column.name, now: same.name }] : [];
  });
  const key = was.key.map((name) => {
    const number = was.columns.find((column) => column.name === name)?.number;
    return is.columns.find((column) => column.number === number)?.name;
  });
  const hasKey = key.length > 0 && !key.includes(undefined);
  return {
    was: kept.map((each) => each.was),
    now: kept.map((each) => each.now),
    key: hasKey
      ? { was: was.key, now: key.flatMap((name) => (name === undefined ? [] : [name])) }
      : undefined,
    left: was.columns
      .map(({ name }) => name)
      .filter((name) => !kept.some((each) => each.was === name)),
  };
}

async function figuresOf(
  database: Database,
  table: ImageTable,
  columns: readonly string[],
): Promise<{ readonly rows: number; readonly hash: string }> {
  const { rows, hash } = await database.one<{ rows: string; hash: string | null }>(
    `SELECT count(*)::text AS rows, sum(hashtextextended(${textOf(columns)}, 0)::numeric)::text AS hash FROM ONLY ${named(table)} AS r`,
  );
  return { rows: Number(rows), hash: hash ?? '' };
}

// Not as a record: that would print a boolean of a row otherwise than the stream prints it alone.
function textOf(columns: readonly string[]): string {
  const values = columns.map((column) => `r.${quoteIdentifier(column)}`).join(', ');
  return `ROW(${values})::text`;
}

function keyArray(columns: readonly string[]): string {
  return `ARRAY[${columns.map((column) => `format('%s', r.${quoteIdentifier(column)})`).join(', ')}]`;
}

interface KeyedRow {
  readonly place: string;
  readonly key: readonly string[];
  readonly hash: string;
}

// Both in the order of a digest of the key, and merged: the size of the table does not matter.
async function differentKeys(
  { live, copy }: Pick<Sides, 'live' | 'copy'>,
  { was, is, pair }: { readonly was: ImageTable; readonly is: ImageTable; readonly pair: Pair },
): Promise<readonly string[]> {
  const there = rowsOf(live, is, { key: pair.key?.now ?? [], columns: pair.now });
  const here = rowsOf(copy, was, { key: pair.key?.was ?? [], columns: pair.was });
  const keys: string[] = [];
  let [left, right] = await Promise.all([there.next(), here.next()]);
  while (!left.done || !right.done) {
    const order = left.done
      ? 1
      : right.done
        ? -1
        : compareText(left.value.place, right.value.place);
    const row = order <= 0 ? left.value : right.value;
    if (order !== 0 || left.value?.hash !== right.value?.hash) keys.push(JSON.stringify(row?.key));
    if (order <= 0) left = await there.next();
    if (order >= 0) right = await here.next();
  }
  return keys;
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

const fetchedAtOnce = 5_000;

async function* rowsOf(
  database: Database,
  table: ImageTable,
  { key, columns }: { readonly key: readonly string[]; readonly columns: readonly string[] },
): AsyncGenerator<KeyedRow, undefined> {
  await database.execute(
    `DECLARE rows NO SCROLL CURSOR FOR
     SELECT md5(key::text) AS place, key, hashtextextended(row, 0)::text AS hash
       FROM (SELECT ${keyArray(key)} AS key, ${textOf(columns)} AS row FROM ONLY ${named(table)} AS r) keyed
      ORDER BY md5(key::text) COLLATE "C"`,
  );
  for (let count = fetchedAtOnce; count === fetchedAtOnce; ) {
    const rows = await database.query<KeyedRow>(`FETCH ${fetchedAtOnce} FROM rows`);
    yield* rows;
    count = rows.length;
  }
  await database.execute('CLOSE rows');
  return undefined;
}

async function unknownOf(
  copy: Database,
  relation: number,
  keys: readonly string[],
): Promise<readonly string[]> {
  const rows = await copy.query<{ key: string }>(
    `SELECT k AS key FROM unnest($2::text[]) k
      WHERE NOT EXISTS (SELECT FROM drydock_replay.touched t WHERE t.relation = $1 AND md5(t.key) = md5(k))`,
    [relation, keys],
  );
  return rows.map(({ key }) => key);
}

async function touchedTables(copy: Database): Promise<ReadonlySet<number>> {
  const rows = await copy.query<{ relation: string }>(
    'SELECT DISTINCT relation::text FROM drydock_replay.touched',
  );
  return new Set(rows.map(({ relation }) => Number(relation)));
}
