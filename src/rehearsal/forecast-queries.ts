// How many queries a second meet each table, by the statements that pg_stat_statements has counted.

import type { Database } from '../postgres/connect.ts';

/** Says which tables a statement reads and writes; names without `public.`. */
export type QueryReader = (
  sql: string,
) => Promise<{ readonly tables: readonly string[]; readonly written: readonly string[] }>;

/** Queries a second of each table, by its name. */
export type CallRates = ReadonlyMap<string, { readonly queries: number; readonly writes: number }>;

/** The statements that were counted, as they stood at one moment. */
export interface Calls {
  /** Since the counters were reset. */
  readonly seconds: number;
  readonly statements: ReadonlyMap<string, { readonly sql: string; readonly calls: number }>;
}

const mostStatements = 2_000;

/** Reads the counted statements of this database; null where the extension is not at work. */
export async function readCalls(database: Database): Promise<Calls | null> {
  const { found } = await database.one<{ found: string | null }>(
    `SELECT (SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
              WHERE e.extname = 'pg_stat_statements'
                AND current_setting('pg_stat_statements.max', true) IS NOT NULL) AS found`,
  );
  if (found === null) return null;
  try {
    const { seconds } = await database.one<{ seconds: number }>(
      `SELECT greatest(extract(epoch FROM now() - stats_reset), 1)::float8 AS seconds
         FROM ${found}.pg_stat_statements_info`,
    );
    const rows = await database.query<{ id: string; sql: string; calls: number }>(
      `SELECT queryid::text AS id, max(query) AS sql, sum(calls)::float8 AS calls
         FROM ${found}.pg_stat_statements
        WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND query ~* '^\\s*(/\\*.*\\*/\\s*)?(select|insert|update|delete|with|merge)\\M'
        GROUP BY 1 ORDER BY 3 DESC LIMIT ${mostStatements}`,
    );
    return { seconds, statements: new Map(rows.map(({ id, ...row }) => [id, row])) };
  } catch {
    // Not loaded by the server after all, or of a version before 1.9: the tables' counters serve too.
    return null;
  }
}

/** The rate of each table: the higher of the present one and the average since the last reset. */
export async function ratesByTable(
  first: Calls,
  second: Calls,
  { seconds, reader }: { readonly seconds: number; readonly reader: QueryReader },
): Promise<CallRates> {
  const rates = new Map<string, { queries: number; writes: number }>();
  for (const [id, { sql, calls }] of second.statements) {
    const recent = (calls - (first.statements.get(id)?.calls ?? 0)) / seconds;
    const rate = Math.max(recent, calls / second.seconds);
    const { tables, written } = await reader(sql);
    for (const table of tables) {
      const { queries, writes } = rates.get(table) ?? { queries: 0, writes: 0 };
      const isWritten = written.includes(table);
      rates.set(table, { queries: queries + rate, writes: writes + (isWritten ? rate : 0) });
    }
  }
  return rates;
}
