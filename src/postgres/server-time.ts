// The time by the clock of a server: the one clock that all machines of a team share.

import type { Database } from './connect.ts';

/** The server's time now, whatever transaction is open. */
export async function serverTime(database: Database): Promise<Date> {
  const { now } = await database.one<{ now: Date }>('SELECT clock_timestamp() AS now');
  return now;
}
