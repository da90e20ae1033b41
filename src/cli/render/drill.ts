// A drill for people: how long each part took.

import { formatBytes, formatDuration } from '../../core/duration.ts';
import type { DrillReport } from '../../process/drill.ts';
import { table } from './text.ts';

/** The times of a drill. */
export function renderDrill(report: DrillReport): string {
  const { environment, sizeBytes, backupMs, restoreMs, pauseMs, recoveryMs } = report;
  const row = (what: string, ms: number): string[] => [what, formatDuration(ms)];
  return [
    `The recovery of ${environment} works (${formatBytes(sizeBytes)}, on a copy on its own server):`,
    table(
      [{ title: 'part' }, { title: 'time', align: 'right' }],
      [
        row('back up', backupMs),
        row('restore beside, and compare', restoreMs),
        row('swap the names: writes paused', pauseMs),
        row('recover, from the first step to the last', recoveryMs),
      ],
    ),
    `Nothing is left of it but the backup ${report.backup}.`,
  ].join('\n');
}
