// A load made of production's own statements: those that only read, with parameters sampled from the
// rows of the copy, as often against each other as production sends them.

import type { Database } from '../../postgres/connect.ts';
import { parseSql } from '../../postgres/parser.ts';
import type { ApplicationStatement } from '../queries/report.ts';
import { parameterCount, preparableText } from '../queries/shapes.ts';
import { onlyJudgeable } from '../queries/statement.ts';
import type { LoadReport } from './report.ts';
import type { Script } from './workload.ts';

/** What could be made of the statements. */
export interface SampledWorkload {
  readonly scripts: readonly Script[];
  readonly notReplayed: LoadReport['notReplayed'];
}

const mostStatements = 50;
const sampleSize = 200;

/** Makes a workload of the most frequent statements. */
export async function sampledWorkload(
  database: Database,
  statements: readonly ApplicationStatement[],
): Promise<SampledWorkload> {
  const scripts: Script[] = [];
  const notReplayed: { text: string; reason: string }[] = [];
  const own = await onlyJudgeable(statements);
  for (const { text, calls, searchPath } of own.slice(0, mostStatements)) {
    await database.query(
      `SELECT set_config('search_path', COALESCE($1, reset_val), false)
                            FROM pg_settings WHERE name = 'search_path'`,
      [searchPath],
    );
    const made = await replayed(database, text);
    if (typeof made === 'string') notReplayed.push({ text, reason: made });
    else {
      const path =
        searchPath === null
          ? []
          : [
              {
                prepared: `SELECT set_config('search_path', $1, true)`,
                parameters: [[searchPath]],
              },
            ];
      scripts.push({ name: text, weight: calls ?? 1, commands: [...path, made], readOnly: true });
    }
  }
  return { scripts, notReplayed };
}

async function replayed(
  database: Database,
  text: string,
): Promise<{ prepared: string; parameters: readonly (readonly unknown[])[] } | string> {
  const { sql, vanished } = preparableText(text);
  const { statements, problems } = await parseSql(sql);
  const select = statements[0]?.node;
  if (problems.length > 0 || select === undefined) return 'it is no SQL any more';
  if (!('SelectStmt' in select)) return 'it changes rows';
  if (JSON.stringify(select).includes('"LockingClause"')) return 'it locks rows';
  const count = Math.max(parameterCount(sql), ...vanished);
  const compared = comparedColumns(select);
  const tables = tablesOf(select);
  const columns: (readonly unknown[])[] = [];
  for (let number = 1; number <= count; number += 1) {
    const values = await valuesFor(database, compared.get(number), tables);
    if (values === undefined) return `$${number} is compared with no column`;
    columns.push(values);
  }
  const rows = Array.from({ length: count === 0 ? 1 : sampleSize }, (_, at) =>
    columns.map((values) => values[at % Math.max(values.length, 1)] ?? null),
  );
  // The server has the last word: whether it takes the statement with these values, and only reads.
  try {
    await database.transaction(async () => await database.query(sql, rows[0]), {
      begin: ['BEGIN READ ONLY'],
    });
  } catch (failure) {
    return `it fails on the copy: ${(failure as Error).message}`;
  }
  return { prepared: sql, parameters: rows };
}

/** A column that a parameter is compared with: its names, the last of them the column's. */
type Compared = readonly string[] | 'limit';

function comparedColumns(node: unknown): Map<number, Compared> {
  const found = new Map<number, Compared>();
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value as Record<string, unknown>)) {
      if (key === 'A_Expr') {
        const { lexpr, rexpr } = inner as { lexpr?: unknown; rexpr?: unknown };
        for (const [side, other] of [
          [lexpr, rexpr],
          [rexpr, lexpr],
        ]) {
          const column = columnNames(side);
          if (column !== undefined)
            for (const number of parametersIn(other)) found.set(number, column);
        }
      }
      if (key === 'limitCount' || key === 'limitOffset') {
        for (const number of parametersIn(inner)) found.set(number, 'limit');
      }
      walk(inner);
    }
  };
  walk(node);
  return found;
}

function columnNames(value: unknown): readonly string[] | undefined {
  const { ColumnRef } = (value ?? {}) as {
    ColumnRef?: { fields?: { String?: { sval?: string } }[] };
  };
  const names = ColumnRef?.fields?.flatMap((field) => field.String?.sval ?? []);
  return names === undefined || names.length === 0 ? undefined : names;
}

function parametersIn(value: unknown): number[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value as Record<string, unknown>).flatMap(([key, inner]) =>
    key === 'ParamRef' ? [(inner as { number?: number }).number ?? 0] : parametersIn(inner),
  );
}

function tablesOf(value: unknown): { name: string; alias: string }[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value as Record<string, unknown>).flatMap(([key, inner]) => {
    if (key !== 'RangeVar') return tablesOf(inner);
    const {
      schemaname,
      relname = '',
      alias,
    } = inner as {
      schemaname?: string;
      relname?: string;
      alias?: { aliasname?: string };
    };
    const quoted = [schemaname, relname].flatMap((part) =>
      part === undefined ? [] : [`"${part.replaceAll('"', '""')}"`],
    );
    return [{ name: quoted.join('.'), alias: alias?.aliasname ?? relname }];
  });
}

async function valuesFor(
  database: Database,
  compared: Compared | undefined,
  tables: readonly { name: string; alias: string }[],
): Promise<readonly unknown[] | undefined> {
  if (compared === undefined) return undefined;
  if (compared === 'limit') return [10];
  const column = compared.at(-1) ?? '';
  const alias = compared.length > 1 ? compared.at(-2) : undefined;
  for (const table of tables) {
    if (alias !== undefined && table.alias !== alias) continue;
    const quoted = `"${column.replaceAll('"', '""')}"`;
    const rows = await database
      .query<{ value: string | null }>(
        `SELECT ${quoted}::text AS value FROM (SELECT ${quoted} FROM ${table.name} LIMIT 20000) few
          ORDER BY random() LIMIT ${sampleSize}`,
      )
      .catch(() => undefined);
    if (rows !== undefined && rows.length > 0) return rows.map(({ value }) => value);
  }
  return undefined;
}
