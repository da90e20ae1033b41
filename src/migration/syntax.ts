// Places in a migration's text, and the failure that shows one of them with a caret.

import { relative } from 'node:path';
import { Failure } from '../core/failure.ts';
import type { SyntaxProblem } from '../postgres/parser.ts';
import { type Position, positionsIn } from '../postgres/text-position.ts';

// The line of a place with a caret below the column.
function excerpt(text: string, { line, column }: Position): string {
  const source = (text.split('\n')[line - 1] ?? '').replace(/\r$/, '');
  // Tabs stay tabs before the caret, so that it stands under its column whatever their width.
  const gap = Array.from(source)
    .slice(0, column - 1)
    .map((character) => (character === '\t' ? '\t' : ' '))
    .join('');
  const margin = `${line} | `;
  return `${margin}${source}\n${' '.repeat(margin.length - 2)}| ${gap}^`;
}

/** The failure for a file that is not SQL. */
export function syntaxFailure(path: string, sql: string, problem: SyntaxProblem): Failure {
  const place = positionsIn(sql)(problem.offset);
  return new Failure({
    code: 'migration/does-not-parse',
    message: `${path}:${place.line}:${place.column}: ${problem.message}`,
    hint: `Correct the file, then look again with: drydock check ${typedPath(path)}`,
    details: { file: path, ...place, excerpt: excerpt(sql, place) },
  });
}

/** A path as it is typed where the command runs: short inside that folder, whole outside of it. */
export function typedPath(path: string): string {
  const short = relative('', path);
  return short.startsWith('..') ? path : short;
}
