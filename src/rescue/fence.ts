// The fence: nobody comes in, and whoever is inside has left. From here to the swap no write is accepted,
// so everything that was acknowledged is in the stream.

import { Failure } from '../core/failure.ts';
import { changeLockName } from '../history/change-lock.ts';
import { quoteIdentifier } from '../postgres/address.ts';
import type { Database } from '../postgres/connect.ts';

/** What is fenced. */
export interface FenceOptions {
  /** A session on another database of the same server. */
  readonly maintenance: Database;
  readonly live: string;
  /** Server processes that stay. */
  readonly ours: readonly number[];
}

const patienceMs = 3_000;
const leavingMs = 300;
const pollMs = 5;

/** Closes a database and ends the sessions in it; returns how many. Whatever fails, it is open again. */
export async function closeFence(options: FenceOptions): Promise<number> {
  const { maintenance, live } = options;
  await maintenance.execute(`ALTER DATABASE ${quoteIdentifier(live)} ALLOW_CONNECTIONS false`);
  try {
    return await endSessions(options);
  } catch (failure) {
    await openFence(maintenance, live);
    throw failure;
  }
}

/** Opens it. */
export async function openFence(maintenance: Database, live: string): Promise<void> {
  await maintenance.execute(`ALTER DATABASE ${quoteIdentifier(live)} ALLOW_CONNECTIONS true`);
}

async function endSessions({ maintenance, live, ours }: FenceOptions): Promise<number> {
  const ended = new Set<number>();
  // Of this very command, which is nobody's application.
  const locks = new Set<number>();
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    // Workers of subscriptions and extensions write too; those of the server itself have no role. What kind a
    // session is, the server hides from roles without pg_read_all_stats.
    const left = await maintenance.query<{ pid: number; isLock: boolean }>(
      `SELECT pid, starts_with(application_name, '${changeLockName}') AS "isLock" FROM pg_stat_activity
        WHERE datname = $1 AND pid <> ALL ($2::int[]) AND usesysid IS NOT NULL`,
      [live, ours],
    );
    for (const { pid, isLock } of left) if (isLock) locks.add(pid);
    if (left.length === 0) return ended.size - locks.size;
    if (performance.now() > giveUpAt) throw lasting(live, left);
    const due = left.map(({ pid }) => pid).filter((pid) => !ended.has(pid));
    for (const pid of await end(maintenance, due)) ended.add(pid);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

// All at once: writes wait meanwhile. Where the role may not end one of them, each by itself; what stays is named
// when the patience is over.
async function end(maintenance: Database, pids: readonly number[]): Promise<readonly number[]> {
  const many = 'SELECT pid FROM unnest($1::int[]) AS pid WHERE pg_terminate_backend(pid)';
  const ended = (some: readonly number[]): Promise<readonly number[]> =>
    maintenance
      .query<{ pid: number }>(many, [some])
      .then((rows) => rows.map(({ pid }) => pid))
      .catch(() => (some.length > 1 ? each(some) : []));
  const each = async (some: readonly number[]): Promise<readonly number[]> => {
    const found: number[] = [];
    for (const pid of some) found.push(...(await ended([pid])));
    return found;
  };
  return pids.length === 0 ? [] : await ended(pids);
}

/**
 * Waits for a moment until no session is left in any of the databases. A rename that still meets one ends it where
 * it is one of autovacuum, looks again after a tenth of a second (procarray.c, CountOtherDBBackends), and writes
 * would wait for that.
 */
export async function untilLeft(
  maintenance: Database,
  databases: readonly string[],
): Promise<void> {
  const giveUpAt = performance.now() + leavingMs;
  while (performance.now() < giveUpAt) {
    const left = await maintenance.query<{ pid: number; isServers: boolean }>(
      'SELECT pid, usesysid IS NULL AS "isServers" FROM pg_stat_activity WHERE datname = ANY ($1)',
      [databases],
    );
    if (left.length === 0) return;
    await end(
      maintenance,
      left.flatMap(({ pid, isServers }) => (isServers ? [pid] : [])),
    );
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

function lasting(live: string, left: readonly { readonly pid: number }[]): Failure {
  const pids = left.map(({ pid }) => pid).join(', ');
  return new Failure({
    code: 'rescue/lasting-sessions',
    message: `sessions of ${live} could not be ended: server process ${pids}`,
    hint: `${live} is live as before. End them, as a superuser where they are a superuser's, then type the same command again.`,
    details: { pids: left.map(({ pid }) => pid) },
  });
}
