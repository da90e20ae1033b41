// The application's statements from a file: SQL, or a PostgreSQL log by the end of its name.

import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { Failure } from '../../core/failure.ts';
import { parseSql, statementFingerprint } from '../../postgres/parser.ts';
import { statementsInLog } from './from-log.ts';
import type { ApplicationStatement, StatementSource } from './report.ts';

/**
 * Reads a file of statements: `.log`, `.csv` and `.json` are PostgreSQL logs, everything else is SQL.
 * Statements that differ in their constants alone are one.
 *
 * @throws `rehearsal/no-queries-file`
 */
export async function statementsFromFile(path: string): Promise<readonly ApplicationStatement[]> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new Failure({
      code: 'rehearsal/no-queries-file',
      message: `cannot read the statements in ${path}: ${(error as NodeJS.ErrnoException).code ?? ''}`,
      hint: 'Name a file of SQL statements or a PostgreSQL log: drydock rehearse ENV --queries FILE',
      cause: error,
    });
  });
  const format = logFormats[extname(path)];
  const from: StatementSource = format === undefined ? 'file' : 'log';
  const found = format === undefined ? await statementsInSql(text) : statementsInLog(text, format);
  return (await distinct(found)).map(({ sql, calls }) => ({
    text: sql,
    from,
    role: null,
    searchPath: null,
    calls: from === 'log' ? calls : null,
  }));
}

const logFormats: Readonly<Record<string, 'stderr' | 'csv' | 'json'>> = {
  '.log': 'stderr',
  '.csv': 'csv',
  '.json': 'json',
};

// What does not parse is kept: it is told as not checked.
async function statementsInSql(text: string): Promise<string[]> {
  const { statements, problems } = await parseSql(text);
  return [
    ...statements.map((statement) => statement.text),
    ...problems.map(({ offset, end }) => text.slice(offset, end).trim()),
  ];
}

async function distinct(texts: readonly string[]): Promise<{ sql: string; calls: number }[]> {
  const seen = new Map<string, { sql: string; calls: number }>();
  for (const sql of texts) {
    const key = (await statementFingerprint(sql)) ?? sql;
    const entry = seen.get(key) ?? { sql, calls: 0 };
    entry.calls += 1;
    seen.set(key, entry);
  }
  return [...seen.values()];
}
