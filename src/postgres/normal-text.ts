// What a text says to the server, whatever its layout: two texts with the same normal text are the same
// statements. Without the parser, whose start alone would cost more than reading a folder of files.

import { blockCommentEnd, isSpace, lineEnd, tokenEnd } from './sql-tokens.ts';

/**
 * The text with its tokens as they are written, and one space for every run of white space and comments
 * between them: none beside a parenthesis, a comma or a semicolon. Literals, quoted names and bodies of
 * functions stay as they are but for their line ends, which belong to the machine of the editor.
 *
 * @param isMeant true for a comment that says something to the one who runs the text, and so counts
 */
export function normalText(text: string, isMeant: (comment: string) => boolean): string {
  const sql = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  const parts: string[] = [];
  let wasGap = false;
  let at = 0;
  while (at < sql.length) {
    const from = at;
    const comment = commentEnd(sql, at);
    if (comment !== undefined) {
      at = comment;
      const said = sql.slice(from, at);
      wasGap = true;
      if (isMeant(said)) parts.push(`\n${said.replaceAll(/\s+/g, ' ').trim()}\n`);
    } else if (isSpace(sql.charCodeAt(at))) {
      at += 1;
      wasGap = true;
    } else {
      at = tokenEnd(sql, at);
      const token = sql.slice(from, at);
      if (wasGap && !standsAlone(token) && !standsAlone(parts.at(-1) ?? '(')) parts.push(' ');
      parts.push(token);
      wasGap = false;
    }
  }
  return parts.join('');
}

function commentEnd(sql: string, at: number): number | undefined {
  if (sql.startsWith('--', at)) return lineEnd(sql, at);
  return sql.startsWith('/*', at) ? blockCommentEnd(sql, at) : undefined;
}

// No other token begins or ends with these: space beside them never tells two tokens apart.
function standsAlone(token: string): boolean {
  return token === '(' || token === ')' || token === ',' || token === ';';
}
