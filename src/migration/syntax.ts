// Places in a migration's text, and the failure that shows one of them with a caret.

import { basename } from 'node:path';
import { Failure } from '../core/failure.ts';
import type { SyntaxProblem } from '../postgres/parser.ts';

/** A place in a text: line and column from 1, columns in UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The place of an offset (UTF-16 units from 0). */
export function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: offset - lineStart + 1 };
}

/** The line of a place with a caret below the column. */
export function excerpt(text: string, { line, column }: Position): string {
  const source = (text.split('\n')[line - 1] ?? '').replace(/\r$/, '');
  // Tabs stay tabs before the caret, so that it stands under its column whatever their width.
  const gap = source.slice(0, column - 1).replaceAll(/[^\t]/g, ' ');
  const margin = `${line} | `;
  return `${margin}${source}\n${' '.repeat(margin.length - 2)}| ${gap}^`;
}

/** The failure for a file that is not SQL. */
export function syntaxFailure(path: string, sql: string, problem: SyntaxProblem): Failure {
  const place = positionAt(sql, problem.offset);
  return new Failure({
    code: 'migration/does-not-parse',
    message: `${path}:${place.line}:${place.column}: ${problem.message}`,
    hint: `Correct the file, then look again with: drydock check ${basename(path)}`,
    details: { file: path, ...place, excerpt: excerpt(sql, place) },
  });
}
