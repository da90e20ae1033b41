// PostgreSQL's own parser (libpg_query, as WebAssembly): the only file that knows it. It gives every
// statement of a text with its exact place, and tells what is not SQL as values with theirs.

import { setFlagsFromString } from 'node:v8';
import type { Node } from '@pgsql/types';
import {
  type ForeignText,
  type SqlComment,
  type SqlPiece,
  scanSql,
  skipTrivia,
} from './sql-text.ts';
import { isSpace } from './sql-tokens.ts';
import { statementLines } from './statement-lines.ts';
import { byteOffsetsIn, offsetOfCharacter } from './text-position.ts';

export type { Node, RangeVar } from '@pgsql/types';

/** One statement of a text. Offsets count UTF-16 units, as JavaScript strings do. */
export interface ParsedStatement {
  /** The statement as written, without the semicolon and the comments around it. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /**
   * The parse tree, such as `{ AlterTableStmt: … }`. Every location in it is an offset of the whole
   * text, like `start`; a location that is left out is unknown, or the start of the text.
   */
  readonly node: Node;
}

/** Something in a text that the server cannot run, with its place. */
export interface SyntaxProblem {
  /**
   * `syntax`: PostgreSQL's parser refuses it. `psql-command` and `copy-data`: understood by psql
   * only. `not-text`: bytes that no SQL text holds. `too-complex`: beyond the parser's memory.
   */
  readonly kind: 'syntax' | ForeignText['kind'] | 'not-text' | 'too-complex';
  /** Lower case, no full stop. */
  readonly message: string;
  readonly offset: number;
  readonly end: number;
}

/** What a text holds, in reading order. */
export interface ParsedSql {
  readonly statements: readonly ParsedStatement[];
  readonly problems: readonly SyntaxProblem[];
  readonly comments: readonly SqlComment[];
}

type Parser = typeof import('libpg-query');

let loading: Promise<Parser> | undefined;

/**
 * Parses SQL text. What is wrong in it is a value: all other statements are still there.
 *
 * @example
 * const { statements } = await parseSql('CREATE TABLE a (id int); DROP TABLE b;');
 * statements[1]?.text; // 'DROP TABLE b'
 */
export async function parseSql(sql: string): Promise<ParsedSql> {
  const nul = sql.indexOf('\0');
  if (nul >= 0) return { statements: [], comments: [], problems: [nulByte(nul)] };
  loading ??= loadParser();
  const parser = await loading;
  // A lone half of a surrogate pair has no UTF-8 form; its replacement has the same length.
  const written = sql.toWellFormed();
  const scanned = scanSql(written);
  const found = new ChunkParser(parser, written, scanned.sql);
  for (const chunk of chunksOf(scanned.pieces)) found.parseChunk(chunk);
  const problems = [...found.problems, ...scanned.foreign.map(foreignProblem)];
  return {
    statements: found.statements,
    problems: problems.sort((a, b) => a.offset - b.offset),
    comments: scanned.comments,
  };
}

/** The parse tree of a `CREATE FUNCTION … LANGUAGE plpgsql` or `DO` statement's body. */
export async function parsePlpgsql(statement: string): Promise<unknown> {
  loading ??= loadParser();
  const parser = await loading;
  return parser.parsePlPgSQLSync(statement);
}

/** One text for all statements that differ in their constants alone; undefined for what is no SQL. */
export async function statementFingerprint(sql: string): Promise<string | undefined> {
  loading ??= loadParser();
  const parser = await loading;
  try {
    return parser.fingerprintSync(sql);
  } catch {
    return undefined;
  }
}

// V8 compiles WebAssembly twice: quickly, then well in the background, and a short process waits for
// that at its end. The quick code alone halves the time and memory of one check; the flag is put
// back at once, so that other WebAssembly of the process is compiled as its author expects.
async function loadParser(): Promise<Parser> {
  setFlagsFromString('--liftoff-only');
  try {
    const parser = await import('libpg-query');
    await parser.loadModule();
    return parser;
  } finally {
    setFlagsFromString('--no-liftoff-only');
  }
}

// One call of the parser costs more than one statement, and the tree of a whole large file would
// not fit into one JavaScript string: so many statements at a time, but not all.
const chunkLength = 64 * 1024;

function* chunksOf(pieces: readonly SqlPiece[]): Generator<readonly SqlPiece[]> {
  let chunk: SqlPiece[] = [];
  for (const piece of pieces) {
    const first = chunk[0];
    if (first !== undefined && piece.end - first.start > chunkLength) {
      yield chunk;
      chunk = [];
    }
    chunk.push(piece);
  }
  if (chunk.length > 0) yield chunk;
}

class ChunkParser {
  readonly statements: ParsedStatement[] = [];
  readonly problems: SyntaxProblem[] = [];
  readonly #parser: Parser;
  readonly #written: string;
  // The same text with everything that only psql understands blanked out.
  readonly #sql: string;
  // Each attempt reads the rest of a piece again: bounded, or a 20 MB file of junk would take hours.
  #unitsToReadAgain = 10_000_000;

  constructor(parser: Parser, written: string, sql: string) {
    this.#parser = parser;
    this.#written = written;
    this.#sql = sql;
  }

  parseChunk(chunk: readonly SqlPiece[]): void {
    const [first] = chunk;
    const last = chunk.at(-1);
    if (first === undefined || last === undefined) return;
    // The first one from the text's own start: the parser's places then need no moving.
    const isFirst = this.statements.length === 0 && this.problems.length === 0;
    const parsed = this.#parse(isFirst ? 0 : first.start, last.end);
    if (Array.isArray(parsed)) {
      // One at a time: a spread of 100,000 arguments would overflow the stack.
      for (const statement of parsed) this.statements.push(statement);
    } else if (chunk.length > 1) {
      for (const piece of chunk) this.parseChunk([piece]);
    } else {
      this.problems.push(parsed);
      this.#recover(parsed, first);
    }
  }

  // A missing semicolon, parenthesis or quote makes one piece of several statements. The ones after
  // the error are found again at the next line that begins like a statement; what is wrong in them
  // is most likely the first error's doing and not told.
  #recover(problem: SyntaxProblem, piece: SqlPiece): void {
    // An error at the end says nothing about where it began.
    const from = problem.offset < piece.end ? problem.offset : piece.start;
    for (const start of statementLines(this.#sql, from, piece)) {
      this.#unitsToReadAgain -= piece.end - start;
      if (this.#unitsToReadAgain < 0) return;
      const { pieces } = scanSql(this.#sql.slice(start, piece.end));
      const shifted = pieces.map((each) => ({ start: each.start + start, end: each.end + start }));
      const [first] = shifted;
      if (first === undefined || !Array.isArray(this.#parse(first.start, first.end))) continue;
      const told = this.problems.length;
      for (const chunk of chunksOf(shifted)) this.parseChunk(chunk);
      this.problems.length = told;
      return;
    }
  }

  #parse(from: number, to: number): ParsedStatement[] | SyntaxProblem {
    const text = this.#sql.slice(from, to);
    try {
      const tree = this.#parser.parseSync(text);
      const offsetOf = byteOffsetsIn(text);
      const isShifted = from > 0 || offsetOf(text.length) !== text.length;
      return (tree.stmts ?? []).flatMap((raw) => {
        if (raw.stmt === undefined) return [];
        const byte = raw.stmt_location ?? 0;
        const start = skipTrivia(text, offsetOf(byte));
        // The parser leaves out the length of a last statement without a semicolon.
        const end = raw.stmt_len ? offsetOf(byte + raw.stmt_len) : text.length;
        if (isShifted) moveLocations(raw.stmt, (location) => from + offsetOf(location));
        const { length } = withoutComment(trimSpace(text.slice(start, end)));
        const place = { start: from + start, end: from + start + length };
        return [{ text: this.#written.slice(place.start, place.end), ...place, node: raw.stmt }];
      });
    } catch (error) {
      return this.#problem(error, from, to);
    }
  }

  #problem(error: unknown, from: number, to: number): SyntaxProblem {
    if (error instanceof this.#parser.SqlError && !error.message.startsWith('memory exhausted')) {
      const cursor = error.sqlDetails?.cursorPosition ?? 0;
      const offset = from + offsetOfCharacter(this.#sql.slice(from, to), cursor);
      return { kind: 'syntax', message: error.message, offset, end: to };
    }
    // WebAssembly gives up on deep nesting (RangeError, RuntimeError) instead of answering.
    const message = 'this statement is too large or too deeply nested for the parser';
    return { kind: 'too-complex', message, offset: from, end: to };
  }
}

// What JavaScript trims besides, such as a no-break space, is a letter of a name to the server.
function trimSpace(text: string): string {
  let end = text.length;
  while (isSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

// A comment before the semicolon is none of the statement: what is written after it would be lost.
function withoutComment(text: string): string {
  if (!/--|\/\*/.test(text)) return text;
  return text.slice(0, scanSql(text).pieces.at(-1)?.end ?? text.length);
}

const locationKey = /(?:^|_)(?:location|list_start|list_end)$/;

function moveLocations(value: unknown, move: (location: number) => number): void {
  if (typeof value !== 'object' || value === null) return;
  const record = value as Record<string, unknown>;
  for (const key in record) {
    const inner = record[key];
    if (typeof inner === 'object') moveLocations(inner, move);
    // -1 means "unknown" to the parser.
    else if (typeof inner === 'number' && inner >= 0 && locationKey.test(key)) {
      record[key] = move(inner);
    }
  }
}

function nulByte(offset: number): SyntaxProblem {
  const message = 'this is not a text file: it holds a NUL byte, which no SQL text may';
  return { kind: 'not-text', message, offset, end: offset + 1 };
}

function foreignProblem({ kind, start, end }: ForeignText): SyntaxProblem {
  const message =
    kind === 'psql-command'
      ? 'a psql command, which only psql understands'
      : 'inline data of COPY … FROM stdin, which only psql can send';
  return { kind, message, offset: start, end };
}
