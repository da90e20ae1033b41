// "Rollback plan prepared": a backup that was restored and compared, with the time that took; and what
// the rehearsal showed of taking the change back in place.

import type { Environment } from '../../config/environment.ts';
import { formatDuration } from '../../core/duration.ts';
import type { WayBack } from '../../rehearsal/way-back/report.ts';
import type { Drill, EnvironmentState } from '../evidence.ts';
import { closed, closedUntilApply, type Gate, open, type Verdict } from '../gate.ts';

const freshMs = 24 * 3_600_000;

export const wayBackReady: Gate = {
  id: 'way-back-ready',
  title: 'Rollback plan prepared',
  judge: ({ environment, before, backup, restoreObstacle, rehearsal, now }) => {
    if (restoreObstacle !== null) {
      const { reason, remedy } = restoreObstacle;
      return closed(`a restore would be refused: ${reason}`, remedy);
    }
    const drillNeeded = drillMissing(environment, before?.drill ?? null, now);
    if (drillNeeded !== null) return drillNeeded;
    const howToOpen = `drydock backup ${environment.name} && drydock prove ${environment.name}`;
    if (backup === null) return closedUntilApply('there is no proven backup', howToOpen);
    const ageMs = now.getTime() - backup.takenAt.getTime();
    return ageMs <= freshMs
      ? open(
          `${backup.file}, proven, ${formatDuration(ageMs)} old, restored in ${formatDuration(backup.restoreMs)}${reversal(rehearsal?.wayBack)}${drilled(before, now)}`,
        )
      : closedUntilApply(`the newest proven backup is ${formatDuration(ageMs)} old`, howToOpen);
  },
};

// "Test rollback procedure in staging": judged where the configuration wants a drill, else only said.
function drillMissing(
  { after, drillWithinMs }: Environment,
  drill: Drill | null,
  now: Date,
): Verdict | null {
  if (drillWithinMs === undefined) return null;
  const howToOpen = `drydock drill ${after ?? 'ENV'}`;
  const where = after ?? 'an environment before this one';
  if (drill === null) return closed(`the recovery was never drilled in ${where}`, howToOpen);
  const ageMs = now.getTime() - drill.at.getTime();
  if (ageMs <= drillWithinMs) return null;
  const limit = formatDuration(drillWithinMs);
  return closed(
    `the newest drill in ${where} is ${formatDuration(ageMs)} old, ${limit} at most is wanted`,
    howToOpen,
  );
}

function drilled(before: EnvironmentState | null, now: Date): string {
  if (before === null || before.drill === null) return '';
  const { at, recoveryMs } = before.drill;
  const ago = formatDuration(now.getTime() - at.getTime());
  return `; drilled in ${before.name} ${ago} ago, recovered in ${formatDuration(recoveryMs)}`;
}

// Said and not judged: a change that cannot be taken back in place is brought back by the backup.
function reversal(wayBack: WayBack | undefined): string {
  if (wayBack === undefined) return '';
  const { label, ms, losses, reasons } = wayBack;
  const took = ms === null ? '' : ` in ${formatDuration(ms)}`;
  const first = losses[0]?.sentence ?? '';
  switch (label) {
    case 'reversible':
      return `; the change itself can be taken back${took}`;
    case 'reversible with loss':
      return `; the change itself can be taken back${took} with loss: ${first}${losses.length > 1 ? `, and ${losses.length - 1} more` : ''}`;
    case 'irreversible':
      return `; the change itself is irreversible: ${reasons[0] ?? ''}`;
  }
}
