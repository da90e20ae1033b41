// The comments of a migration that decide how it is run:
//   -- drydock: no-transaction   each statement outside BEGIN and COMMIT is committed by itself
//   -- drydock: batch [options]  the next UPDATE, DELETE or INSERT … SELECT is run in batches
//   -- drydock: verify <query>   must return true before the step that it follows counts
//   -- drydock: deletes <table>[, <table>]   rows of these may go though no statement names them
// Those that speak to the check are in lint/directives.ts.

import type { ParsedStatement } from '../postgres/parser.ts';
import type { SqlComment } from '../postgres/sql-text.ts';

const pattern = /^(?:--|\/\*)\s*drydock:\s*([a-z-]+)\b([\s\S]*?)(?:\*\/)?$/i;

/** The words of the comments above. */
export const runningWords = ['no-transaction', 'batch', 'verify', 'deletes'] as const;

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

/** What a comment says about the step that it stands in or behind. */
export interface StepDirective {
  readonly start: number;
  readonly verify: string | undefined;
  readonly deletes: readonly string[];
}

/** The comments that say something about a step, in order. */
export function stepDirectivesOf(comments: readonly SqlComment[]): readonly StepDirective[] {
  return comments.flatMap((comment): StepDirective[] => {
    const { start } = comment;
    switch (wordOf(comment)) {
      case 'verify':
        return [{ start, verify: restOf(comment).replace(/;\s*$/, ''), deletes: [] }];
      case 'deletes':
        return [{ start, verify: undefined, deletes: restOf(comment).split(/[\s,]+/) }];
      default:
        return [];
    }
  });
}

function wordOf({ text }: SqlComment): string | undefined {
  return pattern.exec(text)?.[1]?.toLowerCase();
}

function restOf({ text }: SqlComment): string {
  return pattern.exec(text)?.[2]?.trim() ?? '';
}
