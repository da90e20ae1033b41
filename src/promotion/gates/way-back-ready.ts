// "Rollback plan prepared": a backup that was restored and compared, with the time that took; and what
// the rehearsal showed of taking the change back in place.

import { formatDuration } from '../../core/duration.ts';
import type { WayBack } from '../../rehearsal/way-back/report.ts';
import { closedUntilApply, type Gate, open } from '../gate.ts';

const freshMs = 24 * 3_600_000;

export const wayBackReady: Gate = {
  id: 'way-back-ready',
  title: 'Rollback plan prepared',
  judge: ({ environment, backup, rehearsal, now }) => {
    const howToOpen = `drydock backup ${environment.name} && drydock prove ${environment.name}`;
    if (backup === null) return closedUntilApply('there is no proven backup', howToOpen);
    const ageMs = now.getTime() - backup.takenAt.getTime();
    return ageMs <= freshMs
      ? open(
          `${backup.file}, proven, ${formatDuration(ageMs)} old, restored in ${formatDuration(backup.restoreMs)}${reversal(rehearsal?.wayBack)}`,
        )
      : closedUntilApply(`the newest proven backup is ${formatDuration(ageMs)} old`, howToOpen);
  },
};

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
