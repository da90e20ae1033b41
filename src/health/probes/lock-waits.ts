// Sessions that wait for a lock: a queue that grows is what users feel first.

import type { DatabaseProbe } from './database-probe.ts';

interface LockWaits {
  readonly waiting: number;
}

/** How many sessions of the database wait for a lock at this moment. */
export const lockWaits: DatabaseProbe<LockWaits> = {
  name: 'lock waits',
  // By pg_locks, which shows every role what waits; pg_stat_activity does not.
  sql: `SELECT json_build_object('waiting', count(DISTINCT l.pid))
          FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
         WHERE NOT l.granted AND a.datname = current_database()`,
  describe: ({ waiting }) => (waiting === 0 ? 'nobody waits' : `${waiting} waiting`),
  over: ({ waiting }, { lockWaiters }) =>
    waiting <= lockWaiters
      ? []
      : [{ what: 'lock waits', text: `${waiting} sessions wait, more than ${lockWaiters}` }],
};
