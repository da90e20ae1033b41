// Who is in the way: the sessions that hold a lock which a step wants, and what they are doing.

import { quoteLiteral } from '../postgres/address.ts';
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
  /** Name of a prepared transaction (PREPARE TRANSACTION); null of any other. */
  readonly prepared: string | null;
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

// A prepared transaction holds the lock on its own number too, which names it.
const sessionColumns = `
  x.gid AS prepared, coalesce(a.usename, x.owner) AS "user", nullif(a.application_name, '') AS application,
  nullif(left(regexp_replace(a.query, '\\s+', ' ', 'g'), 120), '') AS query,
  extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, x.prepared))::float8 * 1000 AS "ageMs",
  CASE WHEN a.state LIKE 'idle in transaction%'
       THEN extract(epoch FROM clock_timestamp() - a.state_change)::float8 * 1000 END AS "idleMs"`;

const sessionsOfLocks = `
  LEFT JOIN pg_stat_activity a ON a.pid = l.pid
  LEFT JOIN pg_prepared_xacts x ON l.pid IS NULL AND x.transaction = (
    SELECT own.transactionid FROM pg_locks own
     WHERE own.locktype = 'transactionid' AND own.pid IS NULL AND own.granted
       AND own.virtualtransaction = l.virtualtransaction LIMIT 1)`;

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
       ${sessionsOfLocks}
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
       FROM pg_locks l ${sessionsOfLocks}
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
  const who = [holder.user, holder.application].filter((part) => part !== null).join(', ');
  const age =
    holder.ageMs === null ? '' : `in a transaction for ${Math.round(holder.ageMs / 1000)} s`;
  const state = holder.idleMs === null ? age : `idle ${age}`;
  const facts = [who, state].filter((part) => part !== '').join(', ');
  const query = holder.query === null ? '' : `: ${holder.query.slice(0, 60)}`;
  if (holder.pid === 0) {
    const name = holder.prepared === null ? '' : ` ${quoteLiteral(holder.prepared)}`;
    return `the prepared transaction${name}${facts === '' ? '' : ` (${facts})`}`;
  }
  return `server process ${holder.pid}${facts === '' ? '' : ` (${facts}${query})`}`;
}

/** How a person ends those that are in the way: what to type into psql. */
export function howToEnd(holders: readonly Holder[]): string {
  const prepared = holders.find((holder) => holder.prepared !== null)?.prepared ?? null;
  if (prepared === null) return 'SELECT pg_terminate_backend(PID)';
  const name = quoteLiteral(prepared);
  return `COMMIT PREPARED ${name} or ROLLBACK PREPARED ${name}`;
}
