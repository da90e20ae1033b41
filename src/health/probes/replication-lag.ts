// How far replicas are behind: readers on them see old rows, and a failover would lose the rest.

import { formatBytes, formatDuration } from '../../core/duration.ts';
import { type DatabaseProbe, unseen } from './database-probe.ts';

interface Replicas {
  readonly replicas: readonly {
    readonly name: string;
    /** Null where the server has no measure: nothing to replay, or nothing replayed yet. */
    readonly lagMs: number | null;
    readonly lagBytes: number;
  }[];
  readonly hidden: number;
}

/** How far the replicas that stream from this server are behind. */
export const replicationLag: DatabaseProbe<Replicas> = {
  name: 'replicas',
  // The state of other roles' replicas is hidden from an ordinary role (manual, 28.2.4). On a replica itself
  // there is no current position, and asking for one fails.
  sql: `SELECT json_build_object(
          'hidden', count(*) FILTER (WHERE state IS NULL),
          'replicas', coalesce(json_agg(json_build_object(
             'name', application_name,
             'lagMs', (extract(epoch FROM replay_lag) * 1000)::float8,
             'lagBytes', CASE WHEN pg_is_in_recovery() THEN 0
                         ELSE coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn), 0) END)
             ORDER BY application_name) FILTER (WHERE state = 'streaming'), '[]'))
          FROM pg_stat_replication`,
  describe: ({ replicas, hidden }) => {
    const lagMs = Math.max(...replicas.map((replica) => replica.lagMs ?? 0));
    const behind = formatBytes(Math.max(...replicas.map(({ lagBytes }) => lagBytes)));
    const seen =
      replicas.length === 0
        ? 'none streaming'
        : `${replicas.length} streaming, at most ${formatDuration(lagMs)} and ${behind} behind`;
    return `${seen}${unseen(hidden)}`;
  },
  over: ({ replicas }, { replicationLagMs, replicationBytes }) =>
    replicas
      .filter(
        ({ lagMs, lagBytes }) => (lagMs ?? 0) > replicationLagMs || lagBytes > replicationBytes,
      )
      .map(({ name, lagMs, lagBytes }) => ({
        what: name,
        text: `${name} is ${lagMs === null ? '' : `${formatDuration(lagMs)} and `}${formatBytes(lagBytes)} behind`,
      })),
};
