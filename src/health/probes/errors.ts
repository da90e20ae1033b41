// How often the application fails between good answers: one look in five that fails is never an incident by
// itself, and many people see it.

import type { ProbeResult } from '../../history/health-samples.ts';
import { percent } from './database-probe.ts';

/** The newest looks at the health address, oldest first; true where it answered well. */
export type Answers = readonly boolean[];

/** What the share of failures is judged by. */
export interface ErrorMeasure {
  readonly limits: { readonly errors: number };
  /** So many failures in a row are an incident, and no share of anything. */
  readonly redInARow: number;
  /** The answers before the change. */
  readonly before: Answers;
}

/** So many of the newest looks are judged. */
export const judgedLooks = 30;

// Fewer have no share worth the name: one hiccup would be a tenth of them.
const enoughLooks = 10;

/** Judges the share of the newest looks that failed, against that before the change. */
export function judgeErrors(answers: Answers, measure: ErrorMeasure): ProbeResult {
  const { limits, redInARow } = measure;
  const now = shareOf(answers, redInARow);
  const before = shareOf(measure.before, redInARow);
  const said =
    now.looks < enoughLooks ? `${textOf(now)}; judged from ${enoughLooks} on` : textOf(now);
  const isOver = isJudged(now) && now.failed / now.looks > limits.errors;
  const wasOver = isJudged(before) && before.failed / before.looks > limits.errors;
  const figure = isOver && isJudged(before) ? `${said}, before the change ${textOf(before)}` : said;
  return { probe: 'errors', healthy: !isOver || wasOver, answered: true, figure };
}

interface Share {
  readonly looks: number;
  readonly failed: number;
  /** Looks that are not among them. */
  readonly inOutages: number;
}

function isJudged({ looks }: Share): boolean {
  return looks >= enoughLooks;
}

function textOf({ looks, failed, inOutages }: Share): string {
  const share = failed === 0 ? '' : ` (${percent(failed / looks)})`;
  const beside = inOutages === 0 ? '' : `, beside ${inOutages} in outages`;
  return `${failed === 0 ? 'none' : failed} of ${looks} ${looks === 1 ? 'look' : 'looks'} failed${share}${beside}`;
}

// An outage was told as what it was. Were it counted here as well, the environment would stay red for half
// an hour after its end.
function shareOf(answers: Answers, redInARow: number): Share {
  const failures = answers
    .map((isGood) => (isGood ? ' ' : '!'))
    .join('')
    .split(/ +/)
    .map(({ length }) => length)
    .filter((length) => length > 0);
  const outages = failures.filter((length) => length >= redInARow && length > 1);
  const sum = (lengths: readonly number[]): number => lengths.reduce((all, each) => all + each, 0);
  const inOutages = sum(outages);
  return { looks: answers.length - inOutages, failed: sum(failures) - inOutages, inOutages };
}
