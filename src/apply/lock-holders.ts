// Who is in the way: the sessions that hold a lock which a step wants, and what they are doing.

import type { Database } from '../postgres/connect.ts';
import { conflictsWith, type LockMode, lockModeSql } from '../postgres/table-lock.ts';

/** A table lock that a step has been waiting for. */
export interface WantedLock {
  /** Object id of the relation. */
  readonly relation: string;
  readonly mode: LockMode;
}

/** A session whose transaction is in the way. */
export interface Holder {
  /** Process id on the server; 0 for a prepared transaction, which has no session. */
  readonly pid: number;
  /** Names the transaction among all that are open (virtual transaction id). */
  readonly transaction: string;
  readonly user: string | null;
  readonly application: string | null;
  readonly query: string | null;
  /** How long its transaction has been open; null when this role may not know. */
  readonly ageMs: number | null;
  /** How long it has been idle in its transaction; null when it is at work. */
  readonly idleMs: number | null;
  /** The lock it holds on the relation; null when it is in the way in another manner. */
  readonly mode: LockMode | null;
}

const sessionColumns = `
  a.usename AS "user", nullif(a.application_name, '') AS application,
  nullif(left(regexp_replace(a.query, '\\s+', ' ', 'g'), 120), '') AS query,
  extract(epoch FROM clock_timestamp() - a.xact_start)::float8 * 1000 AS "ageMs",
  CASE WHEN a.state LIKE 'idle in transaction%'
       THEN extract(epoch FROM clock_timestamp() - a.state_change)::float8 * 1000 END AS "idleMs"`;

/** The sessions that hold a lock now which conflicts with a wanted one, the oldest first. */
export function holdersOf(
  database: Database,
  wanted: readonly WantedLock[],
  ownPid: number,
): Promise<Holder[]> {
  const pairs = wanted.flatMap(({ relation, mode }) =>
    conflictsWith(mode).map((other) => ({ relation, mode: other })),
  );
  return database.query<Holder>(
    `SELECT DISTINCT ON (l.virtualtransaction) coalesce(l.pid, 0) AS pid,
            l.virtualtransaction AS transaction, ${sessionColumns}, ${lockModeSql('l.mode')} AS mode
       FROM pg_locks l
       JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
       JOIN unnest($1::oid[], $2::text[]) AS w (relation, mode)
         ON w.relation = l.relation AND w.mode = ${lockModeSql('l.mode')}
       LEFT JOIN pg_stat_activity a ON a.pid = l.pid
      WHERE l.granted AND l.locktype = 'relation' AND l.pid IS DISTINCT FROM $3
      ORDER BY l.virtualtransaction, "ageMs" DESC NULLS LAST`,
    [pairs.map(({ relation }) => relation), pairs.map(({ mode }) => mode), ownPid],
  );
}

/** The sessions with these process ids, as pg_blocking_pids gives them (0: a prepared transaction). */
export function sessionsOf(database: Database, pids: readonly number[]): Promise<Holder[]> {
  return database.query<Holder>(
    `SELECT DISTINCT ON (l.virtualtransaction) coalesce(l.pid, 0) AS pid,
            l.virtualtransaction AS transaction, ${sessionColumns}, NULL AS mode
       FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
      WHERE l.granted AND coalesce(l.pid, 0) = ANY ($1::int[])
      ORDER BY l.virtualtransaction`,
    [pids],
  );
}

/** Those of these transactions that are still open. Every transaction holds its locks to its end. */
export async function stillOpen(
  database: Database,
  transactions: readonly string[],
): Promise<readonly string[]> {
  const rows = await database.query<{ transaction: string }>(
    `SELECT DISTINCT virtualtransaction AS transaction FROM pg_locks
      WHERE virtualtransaction = ANY ($1::text[])`,
    [transactions],
  );
  return rows.map(({ transaction }) => transaction);
}

/** The names of relations, for people. */
export async function namesOf(
  database: Database,
  wanted: readonly WantedLock[],
): Promise<readonly string[]> {
  const rows = await database.query<{ name: string }>(
    'SELECT DISTINCT c.oid::regclass::text AS name FROM pg_class c WHERE c.oid = ANY ($1::oid[])',
    [wanted.map(({ relation }) => relation)],
  );
  return rows.map(({ name }) => name);
}

/**
 * A holder in words: who, for how long, what.
 *
 * @example describeHolder(holder) // 'server process 71 (app, in a transaction for 34 s: SELECT …)'
 */
export function describeHolder(holder: Holder): string {
  if (holder.pid === 0) return 'a prepared transaction (SELECT * FROM pg_prepared_xacts)';
  const who = [holder.user, holder.application].filter((part) => part !== null).join(', ');
  const age =
    holder.ageMs === null ? '' : `in a transaction for ${Math.round(holder.ageMs / 1000)} s`;
  const state = holder.idleMs === null ? age : `idle ${age}`;
  const facts = [who, state].filter((part) => part !== '').join(', ');
  const query = holder.query === null ? '' : `: ${holder.query.slice(0, 60)}`;
  return `server process ${holder.pid}${facts === '' ? '' : ` (${facts}${query})`}`;
}
