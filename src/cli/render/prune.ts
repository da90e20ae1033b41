// Pruning for people: what becomes of each backup, and why.

import { dirname } from 'node:path';
import type { PrunePlan } from '../../backup/prune.ts';
import { formatBytes } from '../../core/duration.ts';
import type { Pruning } from '../../process/clearing-up.ts';
import { plural, table, wrapLines } from './text.ts';

/** Every backup with its fate. */
export function renderPrunePlan(plan: PrunePlan): string {
  const rows = plan.map(({ backup, fate, reason }) => [
    backup.name,
    formatBytes(backup.sizeBytes),
    fate === 'keep' ? 'stays' : 'goes',
    reason,
  ]);
  return table(
    [{ title: 'backup' }, { title: 'size', align: 'right' }, { title: '' }, { title: 'why' }],
    rows,
  );
}

/** What pruning did, or would do. */
export function renderPruning(environment: string, { plan, report }: Pruning): string {
  if (plan.length === 0) return `There is no backup of ${environment}.`;
  const going = plan.filter(({ fate }) => fate === 'delete');
  if (report?.trash != null) {
    return wrapLines([
      `${plural(report.trashed.length, 'backup')} (${formatBytes(report.sizeBytes)}) of ${environment} went to ${dirname(report.trash)}.`,
      'The first run after a day removes them for good; until then, move them back if you miss one.',
    ]);
  }
  return [
    renderPrunePlan(plan),
    '',
    going.length === 0
      ? 'Nothing goes.'
      : `Nothing was removed. To remove ${plural(going.length, 'backup')}: drydock prune ${environment} --yes`,
  ].join('\n');
}
