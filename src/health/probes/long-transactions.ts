// Transactions that stay open: they keep their locks, and VACUUM from the rows that they may still see.

import { formatDuration } from '../../core/duration.ts';
import { type DatabaseProbe, unseen } from './database-probe.ts';

interface OpenTransactions {
  /** The oldest first. */
  readonly open: readonly {
    readonly pid: number | null;
    readonly who: string;
    readonly state: string;
    readonly begun: string;
    readonly ageMs: number;
  }[];
  readonly hidden: number;
}

// A dump is one long transaction by design, and so is a step of Drydock.
const byDesign = "application_name ~ '^(pg_dump|drydock )'";

/** The oldest open and prepared transactions of the database. */
export const longTransactions: DatabaseProbe<OpenTransactions> = {
  name: 'transactions',
  sql: `SELECT json_build_object(
          'hidden', (SELECT count(*) FROM pg_stat_activity
                      WHERE datname = current_database() AND usesysid IS NOT NULL AND state IS NULL
                        AND query = '<insufficient privilege>'),
          'open', (SELECT coalesce(json_agg(t ORDER BY t."ageMs" DESC), '[]') FROM (
             SELECT pid, concat_ws(' ', usename, nullif(application_name, '')) AS who, state,
                    xact_start AS begun,
                    (extract(epoch FROM clock_timestamp() - xact_start) * 1000)::float8 AS "ageMs"
               FROM pg_stat_activity
              WHERE datname = current_database() AND backend_type = 'client backend'
                AND pid <> pg_backend_pid() AND xact_start IS NOT NULL AND NOT ${byDesign}
             UNION ALL
             SELECT NULL, concat_ws(' ', owner, gid), 'prepared', prepared,
                    (extract(epoch FROM clock_timestamp() - prepared) * 1000)::float8
               FROM pg_prepared_xacts WHERE database = current_database()
             ORDER BY 5 DESC LIMIT 20) t))`,
  describe: ({ open: [oldest], hidden }) =>
    `${oldest === undefined ? 'none open' : `oldest ${formatDuration(oldest.ageMs)}`}${unseen(hidden)}`,
  over: ({ open }, { longTransactionMs }) =>
    open
      .filter(({ ageMs }) => ageMs > longTransactionMs)
      .map(({ pid, who, state, begun, ageMs }) => ({
        what: `${pid ?? who} ${begun}`,
        text: `${who} (${pid === null ? state : `pid ${pid}, ${state}`}) is open for ${formatDuration(ageMs)}`,
      })),
};
