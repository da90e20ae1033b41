// The words of a statement outside of parentheses, quotes and comments: where its clauses begin.

import { skipTrivia } from './sql-text.ts';
import { isWordStart, tokenEnd } from './sql-tokens.ts';

/** A word with its place, in lower case, and the word after it. */
export interface Word {
  readonly word: string;
  readonly start: number;
  readonly end: number;
  readonly next: string | undefined;
}

/** The words at the top of one statement, in order. */
export function topLevelWords(sql: string): readonly Word[] {
  const words: { word: string; start: number; end: number }[] = [];
  let depth = 0;
  for (let at = skipTrivia(sql, 0); at < sql.length; ) {
    const end = tokenEnd(sql, at);
    const token = sql.slice(at, end);
    if (token === '(') depth += 1;
    else if (token === ')') depth -= 1;
    else if (depth === 0 && isWordStart(sql.charCodeAt(at))) {
      words.push({ word: token.toLowerCase(), start: at, end });
    }
    at = skipTrivia(sql, end);
  }
  return words.map((word, index) => ({ ...word, next: words[index + 1]?.word }));
}
