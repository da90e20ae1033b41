// How much room there is for a backup here, and on the server, as far as that can be seen.

import { dirname } from 'node:path';
import { backupFolder } from '../backup/backups.ts';
import { backupNeeds } from '../backup/preflight.ts';
import { type Room, roomIn } from '../core/disk.ts';
import { dataFolder } from '../postgres/data-folder.ts';
import type { DiskEvidence } from '../promotion/evidence.ts';
import { allBackups } from './keeping.ts';
import type { OpenTarget, Project } from './project.ts';

/** Looks at both disks. Reads only. */
export async function diskEvidence(
  project: Project,
  { environment, database }: OpenTarget,
): Promise<DiskEvidence> {
  const { name } = environment;
  const folder = backupFolder(project.config.backups, name);
  const [previous] = (await allBackups(project, name)).backups;
  const data = await dataFolder(database);
  const room = data === undefined ? undefined : await roomIn(data);
  return {
    backups: {
      folder,
      freeBytes: (await roomAt(folder))?.freeBytes ?? null,
      neededBytes: await backupNeeds(database, previous?.manifest.dump.sizeBytes),
    },
    server: data === undefined || room === undefined ? null : { folder: data, ...room },
  };
}

// The folder is made with the first backup.
async function roomAt(folder: string): Promise<Room | undefined> {
  const parent = dirname(folder);
  return (await roomIn(folder)) ?? (parent === folder ? undefined : await roomAt(parent));
}
