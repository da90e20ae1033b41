// Cuts SQL text into statements without understanding them, so that one syntax error never hides the
// rest of a file. Follows the server's lexer (manual, section 4.1) and psql's rules for what ends a
// statement; parser.ts asks PostgreSQL's own parser what each piece means.

import {
  backslash,
  blockCommentEnd,
  closeParenthesis,
  dash,
  isSpace,
  isWordStart,
  lineEnd,
  nextLine,
  openParenthesis,
  semicolon,
  slash,
  star,
  tokenEnd,
} from './sql-tokens.ts';

/** A comment, with its marks. */
export interface SqlComment {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** One statement's place, from its first token to its last; the semicolon is outside. */
export interface SqlPiece {
  readonly start: number;
  readonly end: number;
}

/** Text in a file that is not for the server: what it is, and its place. */
export interface ForeignText {
  readonly kind: 'psql-command' | 'copy-data';
  readonly start: number;
  readonly end: number;
}

/** A text cut into what it is made of. Offsets count UTF-16 units. */
export interface ScannedSql {
  readonly pieces: readonly SqlPiece[];
  readonly comments: readonly SqlComment[];
  readonly foreign: readonly ForeignText[];
  /** The text with everything foreign blanked out: same length, same lines. */
  readonly sql: string;
}

const byteOrderMark = '\uFEFF';

/**
 * Cuts `text` at the semicolons that end statements: not those in quotes, dollar quotes, comments,
 * parentheses or the body of a `BEGIN ATOMIC` function.
 */
export function scanSql(text: string): ScannedSql {
  const scanner = new Scanner(text);
  scanner.run();
  return {
    pieces: scanner.pieces,
    comments: scanner.comments,
    foreign: scanner.foreign,
    sql: blank(text, scanner.foreign),
  };
}

/** The first offset from `start` on that is neither white space nor comment. */
export function skipTrivia(sql: string, start: number): number {
  let at = start;
  for (;;) {
    while (isSpace(sql.charCodeAt(at))) at += 1;
    if (sql.startsWith('--', at)) at = lineEnd(sql, at);
    else if (sql.startsWith('/*', at)) at = blockCommentEnd(sql, at);
    else return at;
  }
}

class Scanner {
  readonly pieces: SqlPiece[] = [];
  readonly comments: SqlComment[] = [];
  readonly foreign: ForeignText[] = [];
  readonly #sql: string;
  #at = 0;
  // The statement that is being read: its first token, the end of its last, its depth and words.
  #start = -1;
  #lastEnd = 0;
  #parentheses = 0;
  #blocks = 0;
  #words: string[] = [];
  #copyFromStdin = false;

  constructor(sql: string) {
    this.#sql = sql;
  }

  run(): void {
    if (this.#sql.startsWith(byteOrderMark)) this.#at = 1;
    while (this.#at < this.#sql.length) this.#step();
    this.#endStatement();
  }

  #step(): void {
    const sql = this.#sql;
    const at = this.#at;
    const code = sql.charCodeAt(at);
    if (isSpace(code)) {
      this.#at += 1;
    } else if (code === dash && sql.charCodeAt(at + 1) === dash) {
      this.#comment(lineEnd(sql, at));
    } else if (code === slash && sql.charCodeAt(at + 1) === star) {
      this.#comment(blockCommentEnd(sql, at));
    } else if (code === backslash) {
      this.#psqlCommand();
    } else if (code === semicolon && this.#parentheses === 0 && this.#blocks === 0) {
      this.#at += 1;
      const expectsData = this.#copyFromStdin;
      this.#endStatement();
      if (expectsData) this.#copyData();
    } else {
      this.#token(code);
    }
  }

  #token(code: number): void {
    const sql = this.#sql;
    const at = this.#at;
    if (this.#start < 0) this.#start = at;
    this.#at = tokenEnd(sql, at);
    if (isWordStart(code)) this.#word(sql.slice(at, this.#at));
    else if (code === openParenthesis) this.#parentheses += 1;
    else if (code === closeParenthesis) this.#parentheses = Math.max(0, this.#parentheses - 1);
    this.#lastEnd = this.#at;
  }

  #word(word: string): void {
    const isLiteral = word.endsWith("'");
    if (this.#parentheses > 0 || word.length > 9 || isLiteral) return;
    this.#noteWord(word.toLowerCase());
  }

  // psql counts BEGIN, CASE and END in a routine's definition. Only `BEGIN ATOMIC` opens a body,
  // so a routine that is called "begin" is no trap here.
  #noteWord(word: string): void {
    const words = this.#words;
    const previous = words.at(-1);
    if (word === 'atomic' && previous === 'begin' && isRoutineDefinition(words)) this.#blocks = 1;
    else if (this.#blocks > 0 && word === 'case') this.#blocks += 1;
    else if (this.#blocks > 0 && word === 'end') this.#blocks -= 1;
    if (word === 'stdin' && previous === 'from' && words[0] === 'copy') this.#copyFromStdin = true;
    if (words.length < 5) words.push(word);
    else words[4] = word;
  }

  #comment(end: number): void {
    const start = this.#at;
    this.comments.push({ text: this.#sql.slice(start, end), start, end });
    this.#at = end;
  }

  // A backslash outside quotes is never SQL; psql takes the rest of the line. `\g` and its kin also
  // send the statement before them.
  #psqlCommand(): void {
    const start = this.#at;
    this.#at = lineEnd(this.#sql, start);
    this.foreign.push({ kind: 'psql-command', start, end: this.#at });
    if (
      /^\\(g|gx|gexec|gset|gdesc|crosstabview|watch|;)/.test(this.#sql.slice(start, start + 13))
    ) {
      this.#endStatement();
    }
  }

  #copyData(): void {
    const start = nextLine(this.#sql, this.#at);
    const endMark = /^\\\.[ \t]*\r?$/gm;
    endMark.lastIndex = start;
    const mark = endMark.exec(this.#sql);
    const end = mark === null ? this.#sql.length : mark.index + mark[0].length;
    if (end > start) this.foreign.push({ kind: 'copy-data', start, end });
    this.#at = end;
  }

  #endStatement(): void {
    if (this.#start >= 0) this.pieces.push({ start: this.#start, end: this.#lastEnd });
    this.#start = -1;
    this.#parentheses = 0;
    this.#blocks = 0;
    this.#words = [];
    this.#copyFromStdin = false;
  }
}

function isRoutineDefinition(words: readonly string[]): boolean {
  const kind = words[1] === 'or' && words[2] === 'replace' ? words[3] : words[1];
  return words[0] === 'create' && (kind === 'function' || kind === 'procedure');
}

function blank(text: string, foreign: readonly ForeignText[]): string {
  const parts: string[] = [];
  let from = 0;
  if (text.startsWith(byteOrderMark)) {
    parts.push(' ');
    from = 1;
  }
  for (const { start, end } of foreign) {
    parts.push(text.slice(from, start), text.slice(start, end).replace(/[^\r\n]/g, ' '));
    from = end;
  }
  return parts.length === 0 ? text : parts.join('') + text.slice(from);
}
