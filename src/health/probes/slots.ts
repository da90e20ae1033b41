// Write-ahead log that replication slots hold back: an abandoned slot fills the disk.

import { formatBytes } from '../../core/duration.ts';
import type { DatabaseProbe } from './database-probe.ts';

type Slots = readonly {
  readonly name: string;
  readonly active: boolean;
  readonly bytes: number;
}[];

/** The write-ahead log that each replication slot of the server keeps from being removed. */
export const slots: DatabaseProbe<Slots> = {
  name: 'slots',
  sql: `SELECT coalesce(json_agg(json_build_object('name', slot_name, 'active', active,
                 'bytes', pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn))), '[]')
          FROM pg_replication_slots WHERE restart_lsn IS NOT NULL AND NOT pg_is_in_recovery()`,
  describe: (all) =>
    all.length === 0
      ? 'none'
      : `${all.length}, at most ${formatBytes(Math.max(...all.map(({ bytes }) => bytes)))} held back`,
  over: (all, { slotBytes }) =>
    all
      .filter(({ bytes }) => bytes > slotBytes)
      .map(({ name, active, bytes }) => ({
        what: name,
        text: `${name} (${active ? 'in use' : 'nobody reads it'}) holds back ${formatBytes(bytes)}`,
      })),
};
