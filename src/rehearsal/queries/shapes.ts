// The shapes in which a normalised statement (pg_stat_statements) is no SQL any more, and what to
// write instead. Measured: of 18 varied statements 13 prepared as they stood.

/** A statement that the server can be asked about. */
export interface PreparableText {
  readonly sql: string;
  /** Numbers of parameters that stood where no parameter can: nothing refers to them any more. */
  readonly vanished: readonly number[];
}

// A literal with its type before it (manual, 4.1.2.7) takes a string and no parameter.
const typedLiteral =
  /\b(interval|date|time|timestamp|timestamptz|timetz|numeric|uuid|jsonb?|inet|cidr|bytea|text|point|box)((?:\s*\(\s*\d+\s*\))?(?:\s+with(?:out)?\s+time\s+zone)?)\s+(\$\d+)(?!\d)/gi;

// The field of EXTRACT is a keyword, and was taken for a constant. Which one it was is lost: the type of
// the result is the same for all of them.
const extractedField = /\bextract\s*\(\s*\$(\d+)\s+from\b/gi;

/** Rewrites what normalising has made unreadable. */
export function preparableText(text: string): PreparableText {
  const vanished: number[] = [];
  const sql = text
    .replaceAll(typedLiteral, (_, type: string, more: string, parameter: string) => {
      return `${parameter}::${type}${more}`;
    })
    .replaceAll(extractedField, (_, number: string) => {
      vanished.push(Number(number));
      return 'extract(epoch FROM';
    });
  return { sql, vanished };
}

/** The highest parameter number of a statement. */
export function parameterCount(sql: string): number {
  const numbers = [...sql.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number));
  return Math.max(0, ...numbers);
}

// Object ids of the types that applications send most, the same on every server (pg_type.dat).
const commonTypes: readonly number[] = [
  23, 25, 20, 1700, 1184, 1082, 1186, 16, 701, 2950, 3802, 1009,
];

const mostTries = 400;

/**
 * Types to try, one after the other, for a statement whose operators or functions are ambiguous while
 * its parameters have none: one parameter at a time first, then all alike, then two at a time.
 *
 * @param fixed types that are known already, by place; 0 where none is
 */
export function* typesToTry(fixed: readonly number[]): Generator<readonly number[]> {
  const open = fixed.flatMap((type, place) => (type === 0 ? [place] : []));
  let tries = 0;
  for (const types of combinations(fixed, open)) {
    tries += 1;
    if (tries > mostTries) return;
    yield types;
  }
}

function* combinations(
  fixed: readonly number[],
  open: readonly number[],
): Generator<readonly number[]> {
  for (const place of open) {
    for (const type of commonTypes) yield fixed.with(place, type);
  }
  for (const type of commonTypes) yield fixed.map((known) => (known === 0 ? type : known));
  for (const [index, first] of open.entries()) {
    for (const second of open.slice(index + 1)) {
      for (const a of commonTypes) {
        for (const b of commonTypes) yield fixed.with(first, a).with(second, b);
      }
    }
  }
}
