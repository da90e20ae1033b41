// A standby answers every question and takes no write: an address that leads to one does for looking alone.

import { Failure } from '../core/failure.ts';
import type { Database } from './connect.ts';

/**
 * Stops where the server follows another one. Asked before the first write, whose refusal by the server
 * would name a statement and not the address.
 *
 * @throws `postgres/standby`
 */
export async function assertTakesWrites(database: Database): Promise<void> {
  // Who it follows is told to superusers and members of pg_read_all_stats alone (manual, 28.2.5).
  const { follows, primary } = await database.one<{ follows: boolean; primary: string | null }>(
    `SELECT pg_is_in_recovery() AS follows,
            (SELECT concat_ws(':', sender_host, sender_port) FROM pg_stat_wal_receiver
              WHERE sender_host IS NOT NULL) AS primary`,
  );
  if (!follows) return;
  const { label } = database.address;
  throw new Failure({
    code: 'postgres/standby',
    message: `${label} is a standby${primary === null ? '' : `, which follows ${primary}`}: it takes no writes`,
    hint: "Give the primary's address in the configuration, then type the same command again; `drydock status`, `check` and `history` work on a standby too.",
    details: { address: label, primary },
  });
}
