// Capture by triggers: how the tables of a database are watched, and how that is taken back.

import { quoteIdentifier, quoteLiteral } from '../postgres/address.ts';
import type { Database } from '../postgres/connect.ts';
import type { ArmableTable } from './arm.ts';

/** The log of an armed database. */
export interface LogState {
  /** Changes that were written into it, those of transactions that were rolled back among them. */
  readonly rows: number;
  readonly bytes: number;
  /** At which size it is given up. */
  readonly limitBytes: number;
  /** It was given up, or a table is not watched any more. */
  readonly isLost: boolean;
}

const firstPlace = `SELECT setval('drydock.rescue_log_place', 1, false)`;

/** An empty log, in which nothing of an earlier time is left. */
export const emptyLog: readonly string[] = ['TRUNCATE drydock.rescue_log', firstPlace];

/** Watches the tables, each in a turn of its own; a partitioned one before its partitions. */
export function watch(tables: readonly ArmableTable[]): readonly string[] {
  return tables
    .filter(({ kind, isRoot }) => kind === 'r' || isRoot)
    .toSorted((a, b) => Number(b.isRoot) - Number(a.isRoot))
    .map(({ table }) => `SELECT drydock.rescue_watch(${quoteLiteral(table)}::regclass)`);
}

/** Statements that take triggers and log away, where they are there; each in a turn of its own. */
export async function unwatch(database: Database): Promise<readonly string[]> {
  const { found } = await database.one<{ found: boolean }>(
    `SELECT to_regclass('drydock.rescue_log') IS NOT NULL AS found`,
  );
  if (!found) return [];
  const triggers = await database.query<{ table: string; name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS table, t.tgname AS name
       FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE ${capturesForRescue('t')} AND t.tgparentid = 0
      ORDER BY 1, 2`,
  );
  const { isEmpty } = await database.one<{ isEmpty: boolean }>(
    `SELECT NOT EXISTS (SELECT FROM drydock.rescue_log) AS "isEmpty"`,
  );
  return [
    ...triggers.map(({ table, name }) => `DROP TRIGGER ${quoteIdentifier(name)} ON ${table}`),
    ...(isEmpty ? [] : emptyLog),
  ];
}

/** Lets the triggers write no more, at once and whoever holds locks. */
export async function giveUpLog(database: Database): Promise<void> {
  await database.query('SELECT drydock.rescue_give_up()');
}

/** SQL: whether a trigger is one of those that capture, which no change of the schema is about. */
export function capturesForRescue(trigger: string): string {
  return `EXISTS (SELECT FROM pg_catalog.pg_proc f WHERE f.oid = ${trigger}.tgfoid AND f.proname ~ '^rescue_capture'
                     AND f.pronamespace = to_regnamespace('drydock'))`;
}

/** How the log stands. */
export async function readLog(database: Database): Promise<LogState> {
  return await database.one<LogState>(
    `SELECT p.last_value::float8 AS rows, pg_total_relation_size('drydock.rescue_log')::float8 AS bytes,
            r.log_limit::float8 AS "limitBytes",
            p.last_value >= 4611686018427387904
              OR EXISTS (SELECT FROM drydock.rescue_watched w
                          WHERE NOT (w.rows_watched AND w.truncate_watched)
                            AND r.image @> jsonb_build_array(jsonb_build_object('oid', w.relation::int8))) AS "isLost"
       FROM drydock.rescue_log_place p
       LEFT JOIN drydock.rescue_runs r ON r.state IN ('arming', 'armed')`,
  );
}
