// Reads, from inside the session that runs the plan, the relations that its transaction holds locks
// on, with their files and counters: one query for each statement, whatever the size of the schema.

import type { Database } from '../postgres/connect.ts';
import type { LockMode } from '../postgres/table-lock.ts';
import { lockModeOf } from './locks.ts';
import type { KnownRelation } from './observe-schema.ts';

/** A relation that the transaction has locked, as it is in this moment. */
export interface LockedRelation {
  readonly oid: string;
  /** Null when the transaction has dropped it. */
  readonly now: Omit<KnownRelation, 'bytes'> | null;
  readonly modes: readonly LockMode[];
  readonly counters: RowCounters;
}

/** The session's own counters of a relation since its transaction began, or longer: compare two. */
export interface RowCounters {
  readonly scans: number;
  readonly read: number;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

/** What a session sees of its own transaction. */
export interface Reading {
  /** Equal for readings of the same transaction. */
  readonly transaction: string;
  /** Write-ahead log position in bytes. */
  readonly walBytes: number;
  readonly relations: ReadonlyMap<string, LockedRelation>;
}

/** Nothing was counted. */
export const noRows: RowCounters = { scans: 0, read: 0, inserted: 0, updated: 0, deleted: 0 };

/**
 * Reads a session before the first statement of a transaction. Counters may hold what its earlier
 * transactions did and the server has not taken over yet (manual, 27.2.2), so the relations of the last
 * reading are read too. Those that count nothing are let go: a long plan would carry ever more along.
 */
export async function readAtBegin(database: Database, last: Reading | undefined): Promise<Reading> {
  const reading = await readOwnRelations(database, [...(last?.relations.keys() ?? [])]);
  const isOfUse = ({ modes, counters }: LockedRelation): boolean =>
    modes.length > 0 || Object.values(counters).some((count) => count > 0);
  const kept = [...reading.relations].filter(([, relation]) => isOfUse(relation));
  return { ...reading, relations: new Map(kept) };
}

/**
 * Reads a session after a statement. What is not locked cannot have been touched, so its counters are
 * those of the reading before.
 */
export async function readAfterStatement(database: Database, before: Reading): Promise<Reading> {
  const reading = await readOwnRelations(database, []);
  const untouched = [...before.relations.values()]
    .filter(({ oid }) => !reading.relations.has(oid))
    .map((relation) => [relation.oid, { ...relation, modes: [] }] as const);
  return { ...reading, relations: new Map([...untouched, ...reading.relations]) };
}

async function readOwnRelations(database: Database, also: readonly string[]): Promise<Reading> {
  const row = await database.one<{
    transaction: string;
    wal: string;
    relations: readonly RelationRow[] | null;
  }>(ownRelations, [also]);
  return {
    transaction: row.transaction,
    walBytes: Number(row.wal),
    relations: new Map((row.relations ?? []).map((each) => [each.oid, lockedRelation(each)])),
  };
}

/** The key of the transaction that the session is in, and the server's own words from here on. */
export async function enterStatement(database: Database): Promise<string> {
  // A migration may have silenced its session, so it is said before each statement; outside a
  // transaction SET LOCAL would have no effect (manual, SET).
  const { transaction } = await database.one<{ transaction: string }>(
    `SELECT extract(epoch FROM now())::text AS transaction,
            set_config('client_min_messages', 'debug1', $1)`,
    [database.isInTransaction],
  );
  return transaction;
}

interface RelationRow {
  readonly oid: string;
  readonly modes: readonly string[];
  readonly name: string | null;
  readonly kind: string;
  readonly table: string | null;
  readonly node: string;
  readonly rows: number;
  readonly counters: readonly [number, number, number, number, number];
}

// Object ids below 16384 are the server's own (access/transam.h). A table's lock stays in pg_locks when the table is gone, hence the outer join. OFFSET keeps the planner
// from reading the whole of pg_class: it takes pg_locks for a thousand rows.
const ownRelations = `
  SELECT extract(epoch FROM now())::text AS transaction,
         pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS wal,
         (SELECT json_agg(json_build_object(
            'oid', held.oid::text, 'modes', held.modes, 'kind', c.relkind,
            'name', CASE WHEN c.nspname = 'public' THEN quote_ident(c.relname)
                         WHEN c.nspname IS NOT NULL THEN format('%I.%I', c.nspname, c.relname) END,
            'table', c.indrelid::text,
            'node', CASE WHEN c.relkind IS NOT NULL THEN pg_relation_filenode(held.oid)::text END,
            'rows', greatest(c.reltuples, 0),
            'counters', json_build_array(
              pg_stat_get_xact_numscans(held.oid), pg_stat_get_xact_tuples_returned(held.oid),
              pg_stat_get_xact_tuples_inserted(held.oid), pg_stat_get_xact_tuples_updated(held.oid),
              pg_stat_get_xact_tuples_deleted(held.oid))))
          FROM (SELECT oid, array_agg(mode) FILTER (WHERE mode IS NOT NULL) AS modes
                  FROM (SELECT relation AS oid, mode FROM pg_locks
                         WHERE locktype = 'relation' AND pid = pg_backend_pid() AND granted
                           AND relation >= 16384
                         UNION ALL SELECT oid, NULL FROM unnest($1::oid[]) AS known (oid)) AS each
                 GROUP BY oid) AS held
          LEFT JOIN LATERAL (
            SELECT c.relkind, c.relname, c.reltuples, n.nspname, i.indrelid
              FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
              LEFT JOIN pg_index i ON i.indexrelid = c.oid
             WHERE c.oid = held.oid OFFSET 0) c ON true
         WHERE c.nspname IS NULL OR c.nspname !~ '^(pg_|information_schema$|drydock)') AS relations`;

function lockedRelation(row: RelationRow): LockedRelation {
  const { oid, name, kind, table, node, rows } = row;
  const [scans, read, inserted, updated, deleted] = row.counters;
  return {
    oid,
    now: name === null ? null : { oid, name, kind, table, node, rows },
    modes: (row.modes ?? []).map(lockModeOf),
    counters: { scans, read, inserted, updated, deleted },
  };
}
