// Where the tokens of SQL end: quotes, dollar quotes, comments, lines. (Manual, section 4.1)

export const dash = 45;
export const slash = 47;
export const star = 42;
export const backslash = 92;
export const semicolon = 59;
const quote = 39;
const doubleQuote = 34;
const dollar = 36;
export const openParenthesis = 40;
export const closeParenthesis = 41;

export function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13);
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

export function isWordStart(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95 || code >= 128;
}

// A dollar sign may stand inside a word: `a$b$` opens no quote.
function isWordPart(code: number): boolean {
  return isWordStart(code) || isDigit(code) || code === dollar;
}

export function lineEnd(sql: string, from: number): number {
  for (let at = from; at < sql.length; at += 1) {
    const code = sql.charCodeAt(at);
    if (code === 10 || code === 13) return at;
  }
  return sql.length;
}

export function nextLine(sql: string, from: number): number {
  const newline = sql.indexOf('\n', from);
  return newline < 0 ? sql.length : newline + 1;
}

// Block comments nest, unlike in most languages.
export function blockCommentEnd(sql: string, from: number): number {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = from;
  let depth = 0;
  for (let mark = marks.exec(sql); mark !== null; mark = marks.exec(sql)) {
    depth += mark[0] === '/*' ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
  return sql.length;
}

// A doubled quote ends one string and opens the next: both are passed over as one token or two,
// which is the same to a splitter.
function quotedEnd(sql: string, from: number, mark: string): number {
  const end = sql.indexOf(mark, from + 1);
  return end < 0 ? sql.length : end + 1;
}

function escapeQuotedEnd(sql: string, from: number): number {
  for (let at = from + 1; at < sql.length; at += 1) {
    const code = sql.charCodeAt(at);
    if (code === backslash) at += 1;
    else if (code === quote && sql.charCodeAt(at + 1) === quote) at += 1;
    else if (code === quote) return at + 1;
  }
  return sql.length;
}

function dollarQuotedEnd(sql: string, from: number): number | undefined {
  const opening = /\$(?:[A-Za-z_\u0080-\uFFFF][A-Za-z0-9_\u0080-\uFFFF]*)?\$/y;
  opening.lastIndex = from;
  const tag = opening.exec(sql)?.[0];
  if (tag === undefined) return undefined;
  const end = sql.indexOf(tag, from + tag.length);
  return end < 0 ? sql.length : end + tag.length;
}

/** Where the token ends that begins at `from`, which is neither white space nor comment. */
export function tokenEnd(sql: string, from: number): number {
  const code = sql.charCodeAt(from);
  if (code === quote) return quotedEnd(sql, from, "'");
  if (code === doubleQuote) return quotedEnd(sql, from, '"');
  if (code === dollar) return dollarQuotedEnd(sql, from) ?? from + 1;
  if (!isWordStart(code) && !isDigit(code)) return from + 1;
  let at = from;
  while (isWordPart(sql.charCodeAt(at))) at += 1;
  // Only in E'…' does a backslash escape a quote (standard_conforming_strings is on since 9.1).
  const escapes = at === from + 1 && (sql[from] === 'E' || sql[from] === 'e');
  return escapes && sql.charCodeAt(at) === quote ? escapeQuotedEnd(sql, at) : at;
}
