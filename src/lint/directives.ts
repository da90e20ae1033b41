// Comments that speak to Drydock:
//   -- drydock: allow <rule>[, <rule>] because <reason>        the next statement
//   -- drydock: allow-file <rule>[, <rule>] because <reason>   the whole file
// Those that decide how a file is run are in migration/directives.ts.

import { runningWords } from '../migration/directives.ts';
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
  // Comments and statements come in reading order: each search goes on where the last one ended.
  let next = 0;
  return comments.flatMap((comment) => {
    while (next < statements.length && (statements[next]?.end ?? 0) <= comment.start) next += 1;
    const target = statements[next];
    const [, verb, rules, reason = ''] = pattern.exec(comment.text) ?? [];
    if (verb === undefined || rules === undefined) return [];
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

/** False for a misspelt word, and for an `allow` that names no rule. */
export function isKnownDirective(comment: SqlComment): boolean {
  const word = /drydock:\s*([a-z-]+)/i.exec(comment.text)?.[1]?.toLowerCase();
  return runningWords.some((each) => each === word) || pattern.test(comment.text);
}

/** Prepares many questions "which comment allows this rule's finding at this place?". */
export function allowanceFinder(
  allowances: readonly Allowance[],
): (rule: string, start: number) => Allowance | undefined {
  const byRule = new Map<string, Allowance[]>();
  for (const allowance of allowances) {
    for (const rule of allowance.rules) {
      const list = byRule.get(rule) ?? [];
      list.push(allowance);
      byRule.set(rule, list);
    }
  }
  for (const list of byRule.values()) list.sort((a, b) => a.from - b.from);
  return (rule, start) => {
    const list = byRule.get(rule) ?? [];
    const whole = list[0];
    if (whole !== undefined && whole.from === 0 && whole.to >= start) return whole;
    // Statements do not overlap: only the last one that begins before the place can hold it.
    const at = lastBefore(list, start);
    return at !== undefined && start <= at.to ? at : undefined;
  };
}

function lastBefore(list: readonly Allowance[], start: number): Allowance | undefined {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle]?.from ?? 0) <= start) low = middle + 1;
    else high = middle;
  }
  return list[low - 1];
}
