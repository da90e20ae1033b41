// The application's statements as production's pg_stat_statements counts them. Reads only.

import type { Database } from '../../postgres/connect.ts';
import type { ApplicationStatement } from './report.ts';

/** What pg_stat_statements tells. */
export interface FoundStatements {
  readonly statements: readonly ApplicationStatement[];
  /** Why there are none, or not all. */
  readonly problem: string | null;
}

/** The statements of this database that any role has sent, the most frequent first. */
export async function statementsFromStatistics(database: Database): Promise<FoundStatements> {
  const [extension] = await database.query<{ schema: string }>(
    `SELECT quote_ident(n.nspname) AS schema FROM pg_extension e
       JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'`,
  );
  if (extension === undefined) {
    return nothing('pg_stat_statements is not installed in this database');
  }
  const { loaded } = await database.one<{ loaded: boolean }>(
    `SELECT current_setting('pg_stat_statements.max', true) IS NOT NULL AS loaded`,
  );
  if (!loaded) return nothing('pg_stat_statements is not in shared_preload_libraries');
  // A role's settings are those for this database, else those for every database.
  const rows = await database.query<ApplicationStatement & { calls: string }>(
    `SELECT s.query AS text, r.rolname AS role, sum(s.calls)::text AS calls,
            (SELECT substr(setting, length('search_path=') + 1)
               FROM pg_db_role_setting c, unnest(c.setconfig) setting
              WHERE c.setrole = s.userid AND c.setdatabase IN (0, s.dbid)
                AND setting LIKE 'search\\_path=%'
              ORDER BY c.setdatabase DESC LIMIT 1) AS "searchPath"
       FROM ${extension.schema}.pg_stat_statements s LEFT JOIN pg_roles r ON r.oid = s.userid
      WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
      GROUP BY s.query, r.rolname, s.userid, s.dbid ORDER BY sum(s.calls) DESC`,
  );
  const hidden = rows.filter(({ text }) => text === '<insufficient privilege>').length;
  return {
    statements: rows
      .filter(({ text }) => text !== '<insufficient privilege>')
      .map((row) => ({ ...row, from: 'pg_stat_statements', calls: Number(row.calls) })),
    problem:
      hidden === 0
        ? null
        : `statements of ${hidden === 1 ? 'one role' : `${hidden} roles`} are hidden: GRANT pg_read_all_stats TO the role that Drydock uses`,
  };
}

function nothing(problem: string): FoundStatements {
  return { statements: [], problem };
}
