// Transactions that have been open for a while: they hold their locks to the end, whatever they do now.

import type { Database } from './connect.ts';

/** A transaction of another session, or one that was prepared and belongs to no session. */
export interface LongTransaction {
  /** Server process; null for a prepared one. */
  readonly pid: number | null;
  /** Role and program, or the prepared transaction's role and name. */
  readonly who: string;
  /** As pg_stat_activity has it, such as `idle in transaction`. */
  readonly state: string;
  readonly ageMs: number;
}

/** The transactions of this database that are older than a minute, the oldest first. */
export async function longTransactions(database: Database): Promise<readonly LongTransaction[]> {
  return database.query<LongTransaction>(
    `SELECT pid, concat_ws(' ', usename, nullif(application_name, '')) AS who, coalesce(state, '') AS state,
            (extract(epoch FROM clock_timestamp() - xact_start) * 1000)::float8 AS "ageMs"
       FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND backend_type = 'client backend' AND xact_start < clock_timestamp() - interval '1 minute'
     UNION ALL
     SELECT NULL, concat_ws(' ', owner, gid), 'prepared',
            (extract(epoch FROM clock_timestamp() - prepared) * 1000)::float8
       FROM pg_prepared_xacts
      WHERE database = current_database() AND prepared < clock_timestamp() - interval '1 minute'
      ORDER BY 4 DESC`,
  );
}
