// What a forecast needs to know of the environment: how large its tables are, how many queries meet
// them, what its replicas and its disk can bear. Reads only, and only figures that the server keeps.

import { statfs } from 'node:fs/promises';
import type { Context } from '../core/context.ts';
import { Failure } from '../core/failure.ts';
import type { Database } from '../postgres/connect.ts';
import { type CallRates, type QueryReader, ratesByTable, readCalls } from './forecast-queries.ts';

/** How large a table is, and how many queries a second meet it. */
export interface TableTraffic {
  readonly rows: number;
  /** With its indexes and TOAST table. */
  readonly bytes: number;
  readonly queriesPerSecond: number;
  /** Those of them that write. */
  readonly writesPerSecond: number;
}

/** A consumer of the write-ahead log that can fall behind. */
export interface LogConsumer {
  readonly name: string;
  /** What it has not taken yet. */
  readonly behindBytes: number;
  /** How far it may fall behind before the server gives it up; null: the server keeps everything. */
  readonly limitBytes: number | null;
}

/** An environment in figures, as a rehearsal found it. */
export interface EnvironmentFigures {
  /** By name without `public.`. */
  readonly tables: Readonly<Record<string, TableTraffic>>;
  /** What the rates are from: the statements themselves, or the counters of the tables. */
  readonly ratesFrom: 'pg_stat_statements' | 'table statistics';
  readonly sampledMs: number;
  readonly sessions: number;
  /** Age of the oldest open transaction of another session: a lock may have to wait for it. */
  readonly oldestTransactionMs: number;
  readonly slots: readonly LogConsumer[];
  readonly replicas: readonly LogConsumer[];
  /** Free space for the data; null where it cannot be known from here. */
  readonly freeDiskBytes: number | null;
}

const sampleMs = 2_000;

/** Reads the figures over a short time. The higher of the present and the average rate counts. */
export async function readEnvironment(
  { clock, signal }: Context,
  database: Database,
  reader: QueryReader,
): Promise<EnvironmentFigures> {
  const first = await readCounters(database);
  const callsFirst = await readCalls(database);
  const startedAt = performance.now();
  await clock.sleep(sampleMs, signal);
  const second = await readCounters(database);
  const callsSecond = await readCalls(database);
  const seconds = (performance.now() - startedAt) / 1_000;
  const transactions = Math.max(
    (second.transactions - first.transactions) / seconds,
    second.transactions / second.seconds,
  );
  const calls =
    callsFirst === null || callsSecond === null
      ? null
      : await ratesByTable(callsFirst, callsSecond, { seconds, reader });
  return {
    tables: tableTraffic({ first, second, seconds, transactions, calls }),
    ratesFrom: calls === null ? 'table statistics' : 'pg_stat_statements',
    sampledMs: Math.round(seconds * 1_000),
    ...(await readSessions(database)),
    slots: await readSlots(database),
    replicas: await readReplicas(database),
    freeDiskBytes: await freeDisk(database),
  };
}

interface Counters {
  /** Since the statistics were reset. */
  readonly seconds: number;
  readonly transactions: number;
  readonly tables: ReadonlyMap<string, CountedTable>;
}

interface CountedTable {
  readonly name: string;
  readonly rows: number;
  readonly bytes: number;
  readonly scans: number;
  readonly writes: number;
}

async function readCounters(database: Database): Promise<Counters> {
  const { seconds, transactions } = await database.one<{ seconds: number; transactions: number }>(
    `SELECT greatest(extract(epoch FROM now() - coalesce(stats_reset, pg_postmaster_start_time())), 1)::float8 AS seconds,
            (xact_commit + xact_rollback)::float8 AS transactions
       FROM pg_stat_database WHERE datname = current_database()`,
  );
  const tables = await database.query<CountedTable>(
    `SELECT CASE WHEN n.nspname = 'public' THEN quote_ident(c.relname)
                 ELSE format('%I.%I', n.nspname, c.relname) END AS name,
            greatest(c.reltuples, s.n_live_tup, 0)::float8 AS rows,
            pg_total_relation_size(c.oid)::float8 AS bytes,
            coalesce(s.seq_scan + coalesce(s.idx_scan, 0), 0)::float8 AS scans,
            coalesce(s.n_tup_ins + s.n_tup_upd + s.n_tup_del, 0)::float8 AS writes
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
      WHERE c.relkind IN ('r', 'm', 'p') AND n.nspname !~ '^(pg_|information_schema$|drydock)'`,
  );
  return { seconds, transactions, tables: new Map(tables.map((table) => [table.name, table])) };
}

function tableTraffic(sample: {
  readonly first: Counters;
  readonly second: Counters;
  readonly seconds: number;
  readonly transactions: number;
  readonly calls: CallRates | null;
}): EnvironmentFigures['tables'] {
  const { first, second, seconds, transactions, calls } = sample;
  const rate = (name: string, what: 'scans' | 'writes'): number => {
    const now = second.tables.get(name)?.[what] ?? 0;
    const recent = (now - (first.tables.get(name)?.[what] ?? now)) / seconds;
    // One query may scan a table a thousand times, or write as many rows: it still waits but once.
    return Math.min(Math.max(recent, now / second.seconds), transactions);
  };
  const entries = [...second.tables.values()].map(({ name, rows, bytes }) => {
    const writes = rate(name, 'writes');
    const counted = { queries: Math.min(rate(name, 'scans') + writes, transactions), writes };
    const { queries, writes: writing } = calls?.get(name) ?? counted;
    const figures = { rows, bytes, queriesPerSecond: queries, writesPerSecond: writing };
    return [name, figures] as const;
  });
  return Object.fromEntries(entries);
}

async function readSessions(
  database: Database,
): Promise<Pick<EnvironmentFigures, 'sessions' | 'oldestTransactionMs'>> {
  return await database.one(
    `SELECT count(*)::int AS sessions,
            coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)) * 1000, 0)::float8
              AS "oldestTransactionMs"
       FROM pg_stat_activity
      WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`,
  );
}

async function readSlots(database: Database): Promise<readonly LogConsumer[]> {
  return await database.query<LogConsumer>(
    `SELECT slot_name AS name,
            coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::float8 AS "behindBytes",
            (SELECT nullif(setting::float8, -1) * 1048576 FROM pg_settings
              WHERE name = 'max_slot_wal_keep_size') AS "limitBytes"
       FROM pg_replication_slots WHERE NOT pg_is_in_recovery()`,
  );
}

async function readReplicas(database: Database): Promise<readonly LogConsumer[]> {
  return await database.query<LogConsumer>(
    `SELECT coalesce(nullif(application_name, ''), client_addr::text, pid::text) AS name,
            coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn), 0)::float8 AS "behindBytes",
            NULL::float8 AS "limitBytes"
       FROM pg_stat_replication WHERE NOT pg_is_in_recovery()`,
  );
}

// The server tells nobody how full its disk is. On this machine the folder of its data does.
async function freeDisk(database: Database): Promise<number | null> {
  const { host } = database.address;
  if (!host.startsWith('/') && !['localhost', '127.0.0.1', '::1'].includes(host)) return null;
  try {
    const { folder } = await database.one<{ folder: string }>(
      "SELECT current_setting('data_directory') AS folder",
    );
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (error) {
    // A role that may not know the folder, or a server in a container with folders of its own.
    if (error instanceof Failure && error.code === 'interrupted') throw error;
    return null;
  }
}
