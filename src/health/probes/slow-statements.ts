// Statements that have become slower since the baseline, as pg_stat_statements counts them.

import { formatDuration } from '../../core/duration.ts';
import type { DatabaseProbe } from './database-probe.ts';

/** What is counted of one statement since the server's counters began. */
interface StatementFigure {
  readonly id: string;
  readonly text: string;
  readonly calls: number;
  readonly totalMs: number;
}

/** Null: the extension is not there. */
type Statements = readonly StatementFigure[] | null;

// Fewer calls have no mean worth the name, and below this time nobody feels a factor.
const enoughCalls = 20;
const feltMs = 20;

/** The statements that take most of the server's time in this database; unseen without the extension. */
export const slowStatements: DatabaseProbe<Statements> = {
  name: 'statements',
  sql: `SELECT NULL::json`,
  describe: (seen) =>
    seen === null ? 'unseen: pg_stat_statements is not there' : `${seen.length} watched`,
  over: (seen, { slowdown }, before) =>
    (seen ?? []).flatMap((now) => {
      const then = before?.find(({ id }) => id === now.id);
      if (then === undefined || then.calls < enoughCalls) return [];
      const calls = now.calls - then.calls;
      // Counters that were reset since begin anew.
      if (calls < enoughCalls) return [];
      const meanMs = (now.totalMs - then.totalMs) / calls;
      const meanThenMs = then.totalMs / then.calls;
      if (meanMs < feltMs || meanMs <= slowdown * meanThenMs) return [];
      const times = `${formatDuration(meanMs)}, before ${formatDuration(meanThenMs)}`;
      return [{ what: now.id, text: `${now.text} takes ${times}` }];
    }),
};

/** The query for {@link slowStatements} where the extension is in this schema (quoted). */
export function statementsSql(schema: string): string {
  return `SELECT coalesce(json_agg(s), '[]') AS seen FROM (
            SELECT queryid::text AS id, left(regexp_replace(min(query), '\\s+', ' ', 'g'), 60) AS text,
                   sum(calls)::float8 AS calls, sum(total_exec_time)::float8 AS "totalMs"
              FROM ${schema}.pg_stat_statements
             WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
               AND queryid IS NOT NULL
             GROUP BY queryid ORDER BY sum(total_exec_time) DESC LIMIT 50) s`;
}
