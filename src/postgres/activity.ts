// How many rows were ever inserted, updated and deleted, table by table, as the server counts them.
// Two readings tell roughly what was written between them.

import type { Database } from './connect.ts';

/** The server's counters of one table. */
export interface TableActivity {
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

/** One reading of the counters of a database. */
export interface Activity {
  /** When the counters last began at zero, as the server says it; null when never. */
  readonly countedSince: string | null;
  readonly tables: Readonly<Record<string, TableActivity>>;
}

/** Reads the counters (manual, 28.2: pg_stat_user_tables). They lag behind by up to a second. */
export async function readActivity(database: Database): Promise<Activity> {
  const { since } = await database.one<{ since: string | null }>(
    `SELECT (stats_reset AT TIME ZONE 'UTC')::text AS since FROM pg_stat_database WHERE datname = current_database()`,
  );
  const rows = await database.query<{ name: string; i: string; u: string; d: string }>(
    `SELECT format('%I.%I', schemaname, relname) AS name, n_tup_ins AS i, n_tup_upd AS u, n_tup_del AS d
       FROM pg_stat_user_tables WHERE schemaname <> 'drydock' AND schemaname !~ '^pg_' ORDER BY 1`,
  );
  return {
    countedSince: since,
    tables: Object.fromEntries(
      rows.map(({ name, i, u, d }) => [
        name,
        { inserted: Number(i), updated: Number(u), deleted: Number(d) },
      ]),
    ),
  };
}
