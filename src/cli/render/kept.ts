// What is kept for undo, in words.

import { formatBytes } from '../../core/duration.ts';
import type { KeptPlanNow } from '../../process/finalizing.ts';
import { moment } from './moment.ts';
import { plural } from './text.ts';

/** What is kept, for people. */
export function renderKept(plans: readonly KeptPlanNow[]): string {
  return plans.flatMap(keptLines).join('\n');
}

/** A line or more for what is kept of one plan. */
export function keptLines({
  versions,
  since,
  proven,
  kept,
  notedRows,
  sizeBytes,
}: KeptPlanNow): string[] {
  const things = kept.map(({ kind, name }) => `${kind} ${name}`).join(', ');
  const what = [
    ...(things === '' ? [] : [`${things} (${formatBytes(sizeBytes)} in tables)`]),
    ...(notedRows === 0 ? [] : [plural(notedRows, 'noted row')]),
  ];
  return [
    `kept of ${versions.join(', ')} since ${moment(since)}: ${what.length === 0 ? 'the way back alone' : what.join('; ')}${proven ? '' : '; NOT proven: it cannot be taken back'}`,
  ];
}
