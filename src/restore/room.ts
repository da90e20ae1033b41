// Room for a second copy on the disk of the server, as far as that can be seen from here.

import { type Room, roomIn } from '../core/disk.ts';
import { formatBytes } from '../core/duration.ts';
import { Failure } from '../core/failure.ts';
import type { Database } from '../postgres/connect.ts';
import { dataFolder } from '../postgres/data-folder.ts';

/**
 * Refuses a restore for which the disk of the server has no room.
 *
 * @throws `restore/no-space`
 */
export async function refuseFullDisk(server: Database, sizeBytes: number): Promise<void> {
  const folder = await dataFolder(server);
  const room: Room | undefined = folder === undefined ? undefined : await roomIn(folder);
  if (folder === undefined || room === undefined) return;
  // Loading writes as much log as data; the server keeps no more of it than this for long.
  const { bytes } = await server.one<{ bytes: string }>(
    `SELECT pg_size_bytes(current_setting('max_wal_size')) AS bytes`,
  );
  const needed = sizeBytes * 1.2 + Math.min(sizeBytes, Number(bytes)) + room.reserveBytes;
  if (room.freeBytes < needed)
    throw noRoom(
      folder,
      `${formatBytes(room.freeBytes)} are free and about ${formatBytes(needed)} are needed`,
    );
}

/** The failure for a server without room. */
export function noRoom(folder: string, said: string): Failure {
  return new Failure({
    code: 'restore/no-space',
    message: `the server has no room for a second copy: ${said}`,
    hint: `Make room on the server's disk (\`df -h ${folder}\` shows it), for example by dropping an old broken database.`,
  });
}
