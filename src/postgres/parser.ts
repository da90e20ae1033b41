// PostgreSQL's own parser (libpg_query, as WebAssembly): the only file that knows it. It gives every
// statement of a text with its exact place, and tells syntax errors as values with theirs.

import type { Node } from '@pgsql/types';

export type { Node } from '@pgsql/types';

/** One statement of a text. Offsets count UTF-16 units, as JavaScript strings do. */
export interface ParsedStatement {
  /** The statement as written, without the semicolon and without leading comments. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** The parse tree, such as `{ AlterTableStmt: … }`. Locations inside are byte offsets of the text. */
  readonly node: Node;
}

/** A place where the text is not SQL. */
export interface SyntaxProblem {
  readonly message: string;
  readonly offset: number;
}

/** What a text holds. */
export interface ParsedSql {
  readonly statements: readonly ParsedStatement[];
  readonly problems: readonly SyntaxProblem[];
}

/** Parses SQL text. A syntax error is a value: the statements are then empty. */
export async function parseSql(sql: string): Promise<ParsedSql> {
  if (sql.trim() === '') return { statements: [], problems: [] };
  const { parse, SqlError } = await import('libpg-query');
  try {
    const tree = await parse(sql);
    const bytes = Buffer.from(sql, 'utf8');
    const offsetOf = (byte: number): number => bytes.toString('utf8', 0, byte).length;
    const statements = (tree.stmts ?? []).flatMap((raw) => {
      if (raw.stmt === undefined) return [];
      const from = offsetOf(raw.stmt_location ?? 0);
      // The parser leaves out the length of a last statement without a semicolon.
      const to = raw.stmt_len ? offsetOf((raw.stmt_location ?? 0) + raw.stmt_len) : sql.length;
      const start = from + leadingTrivia(sql.slice(from, to));
      const text = sql.slice(start, to).trimEnd();
      return [{ text, start, end: start + text.length, node: raw.stmt }];
    });
    return { statements, problems: [] };
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    // The cursor counts code points.
    const codePoints = Array.from(sql).slice(0, error.sqlDetails?.cursorPosition ?? 0);
    return {
      statements: [],
      problems: [{ message: error.message, offset: codePoints.join('').length }],
    };
  }
}

// White space and comments before a statement belong to the gap, not to the statement.
function leadingTrivia(text: string): number {
  const match = /^(?:\s+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*/.exec(text);
  return match?.[0].length ?? 0;
}
