// What capture by triggers costs, said before it is armed.

import { formatBytes } from '../core/duration.ts';
import type { Database } from '../postgres/connect.ts';
import type { ArmableTable } from './arm.ts';

// Of one log row beside the texts of the rows.
const logRowBytes = 110;

/** What the triggers would have written in an hour; at most, where the server restarted since it counts. */
export async function logBytesInAnHour(
  database: Database,
  tables: readonly ArmableTable[],
): Promise<number> {
  const counters = await database.query<{ relation: number; changes: number; texts: number }>(
    `SELECT s.relid::int8::float8 AS relation, (s.n_tup_ins + s.n_tup_upd + s.n_tup_del) / h.hours AS changes,
            (s.n_tup_ins + 2 * s.n_tup_upd + s.n_tup_del) / h.hours AS texts
       FROM pg_stat_user_tables s,
            (SELECT extract(epoch FROM clock_timestamp() - coalesce(stats_reset, pg_postmaster_start_time()))::float8 / 3600 AS hours
               FROM pg_stat_database WHERE datname = current_database()) h`,
  );
  const widths = new Map(tables.map(({ relation, rowBytes }) => [relation, rowBytes]));
  return counters.reduce((sum, { relation, changes, texts }) => {
    const width = widths.get(relation);
    return width === undefined ? sum : sum + changes * logRowBytes + texts * width;
  }, 0);
}

/** The cost in words; the factors are those of docs/rescue.md. */
export function costInWords(of: {
  readonly environment: string;
  readonly tables: readonly ArmableTable[];
  readonly wide: readonly ArmableTable[];
  readonly hourlyBytes: number;
  readonly limitBytes: number;
}): string {
  const { environment, tables, wide, hourlyBytes, limitBytes } = of;
  const plain = tables.filter(({ kind }) => kind === 'r');
  return [
    `Writes in ${environment} are captured by triggers on all ${plain.length} tables until it is disarmed or rescued: small ones cost the server about twice the CPU and four times the log (measured: docs/rescue.md).`,
    `At the pace since the server counts, that is at most ${formatBytes(hourlyBytes)} of log table an hour; at ${formatBytes(limitBytes)} the rescue is given up.`,
    ...(wide.length === 0
      ? []
      : [
          `Each update of ${wide.map(({ table }) => table).join(', ')} writes its wide row twice, whole.`,
        ]),
  ].join(' ');
}

/**
 * How much log a slot may hold, in words. Who sets no limit of its own keeps it until the disk is full, unless
 * somebody looks.
 */
export function logLimitInWords({
  environment,
  limitBytes,
  keepBytes,
}: {
  readonly environment: string;
  readonly limitBytes: number;
  /** The server's own limit; null: none. */
  readonly keepBytes: number | null;
}): string {
  const holds = `The server of ${environment} holds its log for the rescue from now on.`;
  if (keepBytes !== null && keepBytes <= limitBytes) {
    return `${holds} At ${formatBytes(keepBytes)} (max_slot_wal_keep_size) the rescue is lost.`;
  }
  const unwatched =
    keepBytes === null
      ? ' The server itself sets no limit (max_slot_wal_keep_size): where neither runs, the log fills its disk.'
      : '';
  return `${holds} At ${formatBytes(limitBytes)} (\`rescue.logLimit\`) \`drydock monitor\` or \`drydock arm ${environment} --follow\` gives the rescue up.${unwatched}`;
}
