// Where reading goes on after a syntax error: at the next line that begins like a statement.

import type { SqlPiece } from './sql-text.ts';

const statementLine =
  /^[ \t]*(?=(?:alter|analyze|begin|call|cluster|comment|commit|copy|create|delete|do|drop|grant|insert|lock|refresh|reindex|reset|revoke|rollback|select|set|truncate|update|vacuum|with)\b)/gim;

/** The places in `piece`, from `from` on, where a line begins like a statement. */
export function* statementLines(sql: string, from: number, piece: SqlPiece): Generator<number> {
  // Lines in a dollar quote that is closed are the body of a routine, not statements of the file.
  const body = /\$(\w*)\$[\s\S]*?\$\1\$/g;
  const bodies = [...sql.slice(piece.start, piece.end).matchAll(body)].map((match) => ({
    start: piece.start + match.index,
    end: piece.start + match.index + match[0].length,
  }));
  const text = sql.slice(0, piece.end);
  const lines = new RegExp(statementLine);
  lines.lastIndex = from;
  for (let line = lines.exec(text); line !== null; line = lines.exec(text)) {
    const start = line.index + line[0].length;
    if (line[0] === '') lines.lastIndex += 1;
    if (start > piece.start && !bodies.some((at) => at.start < start && start < at.end))
      yield start;
  }
}
