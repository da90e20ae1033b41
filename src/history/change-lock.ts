// One change at a time: every command that changes an environment holds this lock meanwhile.

import type { Context } from '../core/context.ts';
import { Failure, withCleanup } from '../core/failure.ts';
import type { Address } from '../postgres/address.ts';
import { connect, type Database } from '../postgres/connect.ts';

// Two keys make a lock that no application uses by accident: the bytes of "drydock" and "change".
const lockKeys = [1_685_221_732, 1_667_787_118] as const;

/** How the session that holds the lock is called on the server. */
export const changeLockName = 'drydock change lock';

const patienceMs = 10_000;
const pollMs = 250;

/**
 * Runs `work` while no other Drydock can change this database. The server releases the lock by
 * itself when this process dies.
 *
 * Polls with pg_try_advisory_lock: a session that waits inside pg_advisory_lock holds a snapshot,
 * for which CREATE INDEX CONCURRENTLY of the lock's owner would wait for ever.
 *
 * @throws `history/busy` naming the other session, after ten seconds
 */
export async function withChangeLock<T>(
  context: Context,
  { address, holder }: { readonly address: Address; readonly holder: string },
  work: () => Promise<T>,
): Promise<T> {
  // Every session may read the application name of every other one, whatever its role; it is cut off
  // after 63 bytes.
  const database = await connect(address, { purpose: `change lock for ${holder}` });
  try {
    for (let tries = 1; ; tries += 1) {
      const { locked } = await database.one<{ locked: boolean }>(
        'SELECT pg_try_advisory_lock($1, $2) AS locked',
        [...lockKeys],
      );
      if (locked) break;
      if (tries * pollMs > patienceMs) throw busy(address, await holderOf(database));
      await context.clock.sleep(pollMs, context.signal);
    }
  } catch (failure) {
    await database.close();
    throw failure;
  }
  return withCleanup(work, () => database.close());
}

/** True while a command holds the lock. */
export async function isBeingChanged(database: Database): Promise<boolean> {
  return (await holderOf(database)) !== undefined;
}

interface Holder {
  readonly pid: number;
  readonly name: string;
  readonly client: string | null;
  readonly since: string | null;
}

async function holderOf(database: Database): Promise<Holder | undefined> {
  const [found] = await database.query<Holder>(
    `SELECT a.pid, a.application_name AS name, coalesce(a.client_hostname, host(a.client_addr)) AS client,
            to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS TZ') AS since
     FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.granted AND (l.classid, l.objid) = ($1::int8::oid, $2::int8::oid)
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    [...lockKeys],
  );
  return found;
}

function busy(address: Address, holder: Holder | undefined): Failure {
  const who =
    holder === undefined
      ? 'another Drydock'
      : `another Drydock (${[
          holder.name.replace(`${changeLockName} for `, ''),
          `server process ${holder.pid}`,
          ...(holder.client === null ? [] : [`from ${holder.client}`]),
          // Roles see neither of other roles' sessions, unless they are members of pg_read_all_stats.
          ...(holder.since === null ? [] : [`since ${holder.since}`]),
        ].join(', ')})`;
  return new Failure({
    code: 'history/busy',
    message: `${who} is changing ${address.label}`,
    hint: 'Wait until it has finished, then type the same command again; `drydock status` shows it.',
  });
}
