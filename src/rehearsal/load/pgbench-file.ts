// Workload files in a part of pgbench's format: \set with random(), SQL with :name, and weights as
// file@weight. (Manual, pgbench, "Custom Scripts")

import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { Failure } from '../../core/failure.ts';
import { parseSql } from '../../postgres/parser.ts';
import { parseExpression } from './expression.ts';
import type { Command, Script } from './workload.ts';

/**
 * Reads `path` or `path@weight`.
 *
 * @throws `rehearsal/bad-workload` with the line that is not understood
 */
export async function readWorkloadFile(wanted: string): Promise<Script> {
  const [, path = wanted, weight = '1'] = /^(.*?)(?:@(\d+))?$/.exec(wanted) ?? [];
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new Failure({
      code: 'rehearsal/bad-workload',
      message: `cannot read the workload ${path}: ${(error as NodeJS.ErrnoException).code ?? ''}`,
      hint: 'Name a file in pgbench’s format, or let the load be made of pg_stat_statements: --load auto',
      cause: error,
    });
  });
  return {
    name: basename(path),
    weight: Number(weight),
    commands: await commandsOf(text, path),
    readOnly: false,
  };
}

async function commandsOf(text: string, path: string): Promise<Command[]> {
  const commands: Command[] = [];
  const known = new Set<string>();
  let sql = '';
  const lines = text.split('\n');
  for (const [index, line] of [...lines, ''].entries()) {
    const isMeta = line.trimStart().startsWith('\\');
    if (!isMeta && index < lines.length) {
      sql += `${line}\n`;
      continue;
    }
    commands.push(...(await statementsOf(sql, { path, line: index, known })));
    sql = '';
    if (!isMeta) continue;
    const [, name, expression = ''] = /^\s*\\set\s+(\w+)\s+(.+)$/.exec(line) ?? [];
    const to = name === undefined ? undefined : parseExpression(expression);
    if (name === undefined || to === undefined) throw notUnderstood(path, index + 1, line.trim());
    known.add(name);
    commands.push({ set: name, to });
  }
  return commands;
}

async function statementsOf(
  sql: string,
  place: { readonly path: string; readonly line: number; readonly known: ReadonlySet<string> },
): Promise<Command[]> {
  // A value of a variable is a number: it is read as one, and keeps its place by its length.
  const { statements, problems } = await parseSql(
    sql.replaceAll(
      variable,
      (_, before: string, name: string) => `${before}${'1'.repeat(name.length + 1)}`,
    ),
  );
  const [problem] = problems;
  if (problem !== undefined) throw notUnderstood(place.path, place.line, problem.message);
  return statements.map(({ start, end }) => {
    const text = sql.slice(start, end);
    const names = [...text.matchAll(variable)].map(([, , name = '']) => name);
    const unknown = names.find((name) => !place.known.has(name));
    if (unknown !== undefined)
      throw notUnderstood(place.path, place.line, `:${unknown} is not set`);
    const parts: string[] = [];
    let from = 0;
    for (const found of text.matchAll(variable)) {
      parts.push(text.slice(from, found.index + (found[1]?.length ?? 0)));
      from = found.index + found[0].length;
    }
    return { sql: [...parts, text.slice(from)], names };
  });
}

// Not the two colons of a cast, and not within a word.
const variable = /(^|[^:\w]):([A-Za-z_]\w*)/g;

function notUnderstood(path: string, line: number, what: string): Failure {
  return new Failure({
    code: 'rehearsal/bad-workload',
    message: `${path}:${line}: ${what}`,
    hint: 'Of pgbench’s format \\set NAME EXPRESSION with + - * / % and random(a, b), and SQL with :NAME, are understood.',
    details: { file: path, line },
  });
}
