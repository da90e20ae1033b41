// There is room for the backup, and on the server for what the plan writes.

import { formatBytes } from '../../core/duration.ts';
import { closed, type Gate, open } from '../gate.ts';

export const diskSpace: Gate = {
  id: 'disk-space',
  title: 'Room on the disks',
  judge: ({ environment: { name }, disk, rehearsal }) => {
    const { backups, server } = disk;
    if (backups.freeBytes !== null && backups.freeBytes < backups.neededBytes) {
      return closed(
        `${formatBytes(backups.freeBytes)} are free for backups, and one needs about ${formatBytes(backups.neededBytes)}`,
        `make room in ${backups.folder} (drydock prune ${name} removes old backups)`,
      );
    }
    const neededBytes = rehearsal?.forecast?.diskBytes ?? 0;
    if (server === null) {
      return open(
        `room for the backup; the server's disk cannot be seen from here, and the plan needs ${rehearsal === null ? 'what the rehearsal will tell' : `about ${formatBytes(neededBytes)}`}`,
      );
    }
    const isEnough = server.freeBytes - server.reserveBytes >= neededBytes;
    const said = `${formatBytes(server.freeBytes)} are free on the server${neededBytes === 0 ? '' : `, and the plan needs about ${formatBytes(neededBytes)}`}`;
    return isEnough
      ? open(said)
      : closed(said, `make room on the server's disk: df -h ${server.folder}`);
  },
};
