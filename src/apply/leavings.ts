// Finds out by looking what became of a statement outside any transaction, and clears away what an
// earlier run of it left half-built.

import { Failure } from '../core/failure.ts';
import type { Database } from '../postgres/connect.ts';
import type { AloneStatement } from './alone-statement.ts';

/** An index as it stood before a statement. */
export interface IndexBefore {
  readonly oid: string;
  /** Qualified and quoted. */
  readonly index: string;
  readonly name: string;
  readonly valid: boolean;
}

/** What stood there before a statement: what is new afterwards is its doing. */
export interface Before {
  readonly indexes: readonly IndexBefore[];
}

/** What there is to do for a statement. */
export type Found =
  | { readonly kind: 'run' }
  /** An earlier run came to its end; only its record is missing. */
  | { readonly kind: 'done' }
  /** An earlier run left these behind: SQL that clears them away first. */
  | { readonly kind: 'clear'; readonly sql: readonly string[] }
  /** An earlier run is half-way, and this statement ends it. */
  | { readonly kind: 'finish'; readonly sql: string }
  /** Nobody can tell what an earlier run has done. */
  | { readonly kind: 'unknown' };

/** Looks at what stands there now, as far as the statement could change it. */
export async function lookBefore(database: Database, statement: AloneStatement): Promise<Before> {
  if (statement.kind === 'index build')
    return { indexes: await indexesOf(database, statement.table) };
  if (statement.kind !== 'reindex') return { indexes: [] };
  const { relation } = statement;
  return {
    indexes:
      relation === null ? await invalidIndexes(database) : await indexesOf(database, relation),
  };
}

/**
 * Decides what there is to do, by what stands there now.
 *
 * @param before what stood there before the earlier run; undefined when there was none
 * @throws `apply/invalid-index` when an invalid index of another origin has the name of the new one
 */
export async function lookAt(
  database: Database,
  statement: AloneStatement,
  before: Before | undefined,
): Promise<Found> {
  switch (statement.kind) {
    case 'index build':
      return lookAtIndex(await indexesOf(database, statement.table), statement.index, before);
    case 'reindex':
      return before === undefined
        ? { kind: 'run' }
        : lookAtRebuilt((await lookBefore(database, statement)).indexes, before, statement);
    case 'detach':
      return await lookAtPartition(database, statement, before);
    case 'existence': {
      if (before === undefined) return { kind: 'run' };
      const { query, name, wanted } = statement;
      const { found } = await database.one<{ found: boolean }>(query, [name]);
      return { kind: found === wanted ? 'done' : 'run' };
    }
    case 'repeatable':
      return { kind: 'run' };
    case 'opaque':
      return { kind: before === undefined ? 'run' : 'unknown' };
  }
}

function lookAtIndex(
  now: readonly IndexBefore[],
  index: string | undefined,
  before: Before | undefined,
): Found {
  const isOurs = ({ oid }: IndexBefore): boolean =>
    before !== undefined && !before.indexes.some((each) => each.oid === oid);
  const named = now.filter(({ name }) => index === undefined || name === index);
  const ours = named.filter(isOurs);
  const broken = ours.filter(({ valid }) => !valid);
  if (broken.length > 0) return clearIndexes(broken);
  if (ours.length > 0) return { kind: 'done' };
  const foreign = named.find(({ name, valid }) => !valid && name === index);
  if (foreign !== undefined) throw invalidIndex(foreign);
  return { kind: 'run' };
}

function lookAtRebuilt(
  now: readonly IndexBefore[],
  before: Before,
  { relation }: { readonly relation: string | null },
): Found {
  const wasThere = (oid: string): boolean => before.indexes.some((each) => each.oid === oid);
  // `_ccnew` is a copy that has not taken its index's name yet; `_ccold` is the index itself, after its
  // copy took the name (manual, REINDEX, "Rebuilding Indexes Concurrently").
  const isLeft = ({ oid, name, valid }: IndexBefore): boolean =>
    !valid &&
    /_cc(?:new|old)\d*$/.test(name) &&
    !before.indexes.some((each) => each.oid === oid && each.name === name);
  const copies = now.filter(isLeft);
  if (copies.length > 0) return clearIndexes(copies);
  // Each index that was rebuilt has its old name and a new object id.
  const isRebuilt = now.length > 0 && now.every(({ oid, valid }) => valid && !wasThere(oid));
  return { kind: relation !== null && isRebuilt ? 'done' : 'run' };
}

async function lookAtPartition(
  database: Database,
  { table, partition }: { readonly table: string; readonly partition: string },
  before: Before | undefined,
): Promise<Found> {
  const [row] = await database.query<{ pending: boolean }>(
    `SELECT inhdetachpending AS pending FROM pg_inherits
      WHERE inhparent = to_regclass($1) AND inhrelid = to_regclass($2)`,
    [table, partition],
  );
  if (row?.pending === true) {
    return { kind: 'finish', sql: `ALTER TABLE ${table} DETACH PARTITION ${partition} FINALIZE` };
  }
  return { kind: row === undefined && before !== undefined ? 'done' : 'run' };
}

function clearIndexes(indexes: readonly IndexBefore[]): Found {
  const sql = indexes.map(({ index }) => `DROP INDEX CONCURRENTLY IF EXISTS ${index}`);
  return { kind: 'clear', sql };
}

// The indexes of a table, or of the table of an index; those of its TOAST table and its partitions too,
// which REINDEX rebuilds with it.
function indexesOf(database: Database, relation: string): Promise<IndexBefore[]> {
  return database.query<IndexBefore>(
    `WITH RECURSIVE tables AS (
       SELECT coalesce(i.indrelid, c.oid) AS oid
         FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
        WHERE c.oid = to_regclass($1)
        UNION SELECT unnest(ARRAY[h.inhrelid, nullif(c.reltoastrelid, 0)])
         FROM tables t JOIN pg_class c ON c.oid = t.oid LEFT JOIN pg_inherits h ON h.inhparent = t.oid)
     ${indexColumns} WHERE i.indrelid IN (SELECT oid FROM tables WHERE oid IS NOT NULL)`,
    [relation],
  );
}

function invalidIndexes(database: Database): Promise<IndexBefore[]> {
  return database.query<IndexBefore>(`${indexColumns} WHERE NOT i.indisvalid`);
}

const indexColumns = `
  SELECT i.indexrelid::text AS oid, format('%I.%I', n.nspname, c.relname) AS index,
         c.relname::text AS name, i.indisvalid AS valid
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace`;

function invalidIndex({ index }: IndexBefore): Failure {
  return new Failure({
    code: 'apply/invalid-index',
    message: `there is an invalid index ${index} already, which this migration did not make`,
    hint: `See whether somebody builds it now: SELECT * FROM pg_stat_progress_create_index; otherwise take it away: DROP INDEX CONCURRENTLY ${index}; then type the same command again.`,
    details: { index },
  });
}
