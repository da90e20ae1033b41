// Locks in the way of a backup: Drydock's own, and those of others on the tables.

import { Failure } from '../core/failure.ts';
import type { Database } from '../postgres/connect.ts';
import { sqlStateOf, sqlStates } from '../postgres/server-error.ts';

// Two keys make a lock that no application uses by accident: the bytes of "dryd" and "back".
const lockKeys = [1_685_221_732, 1_650_549_611] as const;

/**
 * Holds the lock until the session ends: one backup of a database at a time.
 *
 * @throws `backup/already-running`
 */
export async function takeBackupLock(database: Database, environment: string): Promise<void> {
  const { locked } = await database.one<{ locked: boolean }>(
    'SELECT pg_try_advisory_lock($1, $2) AS locked',
    [...lockKeys],
  );
  if (locked) return;
  throw new Failure({
    code: 'backup/already-running',
    message: `another Drydock is backing up ${environment} now`,
    hint: `Wait until it has finished: \`drydock backups ${environment}\` shows the result.`,
  });
}

/** True when somebody else's lock was in the way. */
export function isLockFailure(failure: unknown): boolean {
  return (
    sqlStateOf(failure) === sqlStates.lockNotAvailable ||
    (failure instanceof Failure && failure.code === 'backup/locked')
  );
}

/** The failure that names whoever holds tables locked now. */
export async function lockedFailure(database: Database, cause: unknown): Promise<Failure> {
  const holders = await database.query<{ pid: number; name: string; query: string }>(
    `SELECT a.pid, l.relation::regclass::text AS name, left(a.query, 200) AS query
       FROM pg_locks l JOIN pg_stat_activity a USING (pid) JOIN pg_database d ON d.oid = l.database
      WHERE l.granted AND l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation'
        AND d.datname = current_database() AND a.pid <> pg_backend_pid() ORDER BY a.xact_start`,
  );
  const who = holders.map(({ pid, name }) => `${name} by server process ${pid}`).join(', ');
  return new Failure({
    code: 'backup/locked',
    message: `tables stayed locked${who === '' ? '' : `: ${who}`}`,
    hint: 'Wait until the session that holds the lock has ended, then type the same command again.',
    details: { holders },
    cause,
  });
}
