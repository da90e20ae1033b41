// How far a walk is, for people: a bar, the rows that were changed, and the time that is left.

import { formatDuration } from '../core/duration.ts';
import { thousands } from '../core/thousands.ts';

/** The figures of a walk. */
export interface WalkFigures {
  /** Rows that earlier runs walked over. */
  readonly walkedBefore: number;
  readonly walked: number;
  readonly changed: number;
  /** Estimated rows of the table; 0 when nobody knows. */
  readonly total: number;
  /** Of this run. */
  readonly ms: number;
}

const barWidth = 20;

/**
 * One line for a terminal.
 *
 * @example '████████░░░░░░░░░░░░ 40 %  1,200,000 rows  3 min left'
 */
export function progressInWords(figures: WalkFigures): string {
  const { walked, changed, total } = figures;
  const part = total === 0 ? undefined : Math.min(1, walked / total);
  const left = timeLeft(figures);
  return [
    ...(part === undefined ? [] : [`${bar(part)} ${Math.floor(part * 100)} %`]),
    `${thousands(changed)} rows`,
    ...(left === undefined ? [] : [`${formatDuration(left)} left`]),
  ].join('  ');
}

// By the pace of this run: an earlier one may have been on another machine, at another hour.
function timeLeft({ walkedBefore, walked, total, ms }: WalkFigures): number | undefined {
  const here = walked - walkedBefore;
  return here <= 0 || total === 0 ? undefined : Math.max(0, total - walked) * (ms / here);
}

function bar(part: number): string {
  const full = Math.round(part * barWidth);
  return `${'█'.repeat(full)}${'░'.repeat(barWidth - full)}`;
}
