// One session plays into a copy at a time: what it has begun must be over before another one reads how far it was.

import type { Database } from '../postgres/connect.ts';

const pollMs = 20;

const isLock = `l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
  AND l.classid = hashtext('drydock')::oid AND l.objid = hashtext('replay')::oid`;

/** Makes a session the only one that plays; ends the one that did until now. */
export async function playAlone(copy: Database): Promise<void> {
  for (;;) {
    const { taken } = await copy.one<{ taken: boolean }>(
      `SELECT pg_try_advisory_lock(hashtext('drydock'), hashtext('replay')) AS taken`,
    );
    if (taken) return;
    await copy.query(
      `SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
        WHERE ${isLock} AND d.datname = current_database()`,
    );
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/** Whether a session plays into the copy of that name, on the same server. */
export async function isPlayed(database: Database, copy: string): Promise<boolean> {
  const rows = await database.query(
    `SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE ${isLock} AND d.datname = $1`,
    [copy],
  );
  return rows.length > 0;
}
