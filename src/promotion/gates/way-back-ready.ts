// "Rollback plan prepared": a backup that was restored and compared, with the time that took.

import { formatDuration } from '../../core/duration.ts';
import { closedUntilApply, type Gate, open } from '../gate.ts';

const freshMs = 24 * 3_600_000;

export const wayBackReady: Gate = {
  id: 'way-back-ready',
  title: 'Rollback plan prepared',
  judge: ({ environment, backup, now }) => {
    const howToOpen = `drydock backup ${environment.name} && drydock prove ${environment.name}`;
    if (backup === null) return closedUntilApply('there is no proven backup', howToOpen);
    const ageMs = now.getTime() - backup.takenAt.getTime();
    return ageMs <= freshMs
      ? open(
          `${backup.file}, proven, ${formatDuration(ageMs)} old, restored in ${formatDuration(backup.restoreMs)}`,
        )
      : closedUntilApply(`the newest proven backup is ${formatDuration(ageMs)} old`, howToOpen);
  },
};
