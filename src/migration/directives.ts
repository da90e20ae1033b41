// The comments of a migration that decide how it is run:
//   -- drydock: no-transaction   each statement outside BEGIN and COMMIT is committed by itself
//   -- drydock: batch [options]  the next UPDATE, DELETE or INSERT … SELECT is run in batches
// Those that speak to the check are in lint/directives.ts.

import type { ParsedStatement } from '../postgres/parser.ts';
import type { SqlComment } from '../postgres/sql-text.ts';

const pattern = /^(?:--|\/\*)\s*drydock:\s*([a-z-]+)\b([\s\S]*?)(?:\*\/)?$/i;

/** True when a file says `-- drydock: no-transaction`: each statement is then committed by itself. */
export function asksForNoTransaction(comments: readonly SqlComment[]): boolean {
  return comments.some((comment) => wordOf(comment) === 'no-transaction');
}

/** The statements that are to be run in batches, each with what stands after the word `batch`. */
export function batchesOf(
  comments: readonly SqlComment[],
  statements: readonly ParsedStatement[],
): ReadonlyMap<ParsedStatement, string> {
  const batches = new Map<ParsedStatement, string>();
  for (const comment of comments) {
    if (wordOf(comment) !== 'batch') continue;
    const next = statements.find(({ start }) => start >= comment.end);
    if (next !== undefined) batches.set(next, restOf(comment));
  }
  return batches;
}

function wordOf({ text }: SqlComment): string | undefined {
  return pattern.exec(text)?.[1]?.toLowerCase();
}

function restOf({ text }: SqlComment): string {
  return pattern.exec(text)?.[2]?.trim() ?? '';
}
