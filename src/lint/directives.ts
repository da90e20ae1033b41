// Comments that speak to Drydock:
//   -- drydock: allow <rule>[, <rule>] because <reason>        the next statement
//   -- drydock: allow-file <rule>[, <rule>] because <reason>   the whole file

import type { SqlComment } from '../postgres/sql-text.ts';
import type { Statement } from './statement.ts';

/** A comment that allows findings. */
export interface Allowance {
  readonly rules: readonly string[];
  /** Empty when none was given: nothing is allowed then. */
  readonly reason: string;
  /** The units of the file whose findings it allows. */
  readonly from: number;
  readonly to: number;
  readonly comment: SqlComment;
}

const pattern =
  /drydock:\s*(allow(?:-file)?)\s+([a-z0-9-]+(?:\s*,\s*[a-z0-9-]+)*)(?:\s+because\s+([\s\S]*?))?\s*(?:\*\/)?$/i;

/** Every comment of a file that allows something, with what it applies to. */
export function allowancesOf(
  comments: readonly SqlComment[],
  statements: readonly Statement[],
): Allowance[] {
  return comments.flatMap((comment) => {
    const [, verb, rules, reason = ''] = pattern.exec(comment.text) ?? [];
    if (verb === undefined || rules === undefined) return [];
    const target = statementOf(comment, statements);
    const whole = verb.toLowerCase() === 'allow-file';
    return [
      {
        rules: rules.split(',').map((rule) => rule.trim()),
        reason: reason.trim(),
        from: whole ? 0 : (target?.start ?? comment.end),
        to: whole ? Number.MAX_SAFE_INTEGER : (target?.end ?? comment.end),
        comment,
      },
    ];
  });
}

/** True for a comment that speaks to Drydock and not to people. */
export function isDirective(comment: SqlComment): boolean {
  return /^(?:--|\/\*)\s*drydock:/i.test(comment.text);
}

// The statement around the comment, or the next one.
function statementOf(comment: SqlComment, statements: readonly Statement[]): Statement | undefined {
  return statements.find((statement) => statement.end > comment.start);
}
