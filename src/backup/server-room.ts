// The server's own disk while a backup is taken of it. A dump writes nothing there, but the applications
// go on writing, and no row that they delete is cleared away while its snapshot is held (manual, 25.1.5).

import { stat } from 'node:fs/promises';
import type { Context } from '../core/context.ts';
import { roomIn } from '../core/disk.ts';
import { formatBytes } from '../core/duration.ts';
import { Failure } from '../core/failure.ts';
import type { Database } from '../postgres/connect.ts';
import { dataFolder } from '../postgres/data-folder.ts';

/** What is about to be written. */
export interface PlannedBackup {
  /** Where the backup goes. */
  readonly folder: string;
  /** How much it will be, in bytes. */
  readonly needed: number;
}

/**
 * Refuses a backup of a server that has too little room to go on, and one that would take it away on a
 * disk that both share. Says where that cannot be seen.
 *
 * @throws `backup/server-disk-full`
 */
export async function refuseFullServer(
  context: Context,
  server: Database,
  { folder, needed }: PlannedBackup,
): Promise<void> {
  const data = await dataFolder(server);
  const room = data === undefined ? undefined : await roomIn(data);
  if (data === undefined || room === undefined) {
    const text = `How full the disk of ${server.address.host} is cannot be seen from here; a backup writes nothing there.`;
    context.emit({ kind: 'note', text });
    return;
  }
  const isShared = (await stat(folder)).dev === (await stat(data)).dev;
  const wanted = room.reserveBytes + (isShared ? needed : 0);
  if (room.freeBytes >= wanted) return;
  throw new Failure({
    code: 'backup/server-disk-full',
    message: `the server's disk is nearly full: ${formatBytes(room.freeBytes)} are free, and ${isShared ? 'with the backup on the same disk ' : ''}about ${formatBytes(wanted)} are needed`,
    hint: `Make room there (\`df -h ${data}\` shows it)${isShared ? ', or configure a folder for backups on another disk' : ''}, then type the same command again.`,
    details: { folder: data, freeBytes: room.freeBytes, wantedBytes: wanted },
  });
}
