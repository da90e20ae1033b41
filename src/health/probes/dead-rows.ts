// Tables that are mostly dead rows: VACUUM does not get there, and every scan reads them.

import { thousands } from '../../core/thousands.ts';
import { type DatabaseProbe, percent } from './database-probe.ts';

type DeadRows = readonly {
  readonly table: string;
  readonly dead: number;
  /** Of all rows of the table, from 0 to 1. */
  readonly share: number;
}[];

/** The tables with the most dead rows, but for those that are being vacuumed. */
export const deadRows: DatabaseProbe<DeadRows> = {
  name: 'dead rows',
  // Small tables that are written a lot are mostly dead between two vacuums, and nobody feels it.
  sql: `SELECT coalesce(json_agg(t ORDER BY t.dead DESC), '[]') FROM (
          SELECT relid::regclass::text AS table, n_dead_tup AS dead,
                 n_dead_tup::float8 / (n_live_tup + n_dead_tup) AS share
            FROM pg_stat_user_tables s
           WHERE n_dead_tup >= 100000
             AND NOT EXISTS (SELECT FROM pg_stat_progress_vacuum p WHERE p.relid = s.relid)
           ORDER BY n_dead_tup DESC LIMIT 20) t`,
  describe: ([most]) =>
    most === undefined
      ? 'few'
      : `most in ${most.table}: ${thousands(most.dead)}, ${percent(most.share)} of it`,
  over: (all, limits) =>
    all
      .filter(({ share }) => share > limits.deadRows)
      .map(({ table, dead, share }) => ({
        what: table,
        text: `${thousands(dead)} in ${table}, ${percent(share)} of it`,
      })),
};
