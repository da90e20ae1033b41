// Where throw-away servers live: in memory where there is room, else on disk. A folder's name says
// which process owns it, so that a later start can tell a leftover from a server in use.

import { mkdtemp, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { roomIn } from '../core/disk.ts';
import { formatBytes } from '../core/duration.ts';
import { Failure } from '../core/failure.ts';
import { runOrFail } from '../core/process.ts';
import { giveTo, type ServerAccount } from './account.ts';
import { ownerMark } from './owner.ts';

/** A folder that belongs to one throw-away server. */
export interface SandboxFolder {
  readonly path: string;
  readonly inMemory: boolean;
}

interface Place {
  readonly path: string;
  readonly inMemory: boolean;
}

// The path of a Unix socket holds 108 bytes on Linux and 104 on macOS, its end mark included; the
// file in the folder is called .s.PGSQL.65535 at most.
const longestFolderBytes = 103 - '/.s.PGSQL.65535'.length;
// Copied data, the second copy that a rehearsal keeps as it was, WAL and temporary files; and what a
// server needs without any data.
const spaceFactor = 4;
const spaceMarginBytes = 256 * 1024 * 1024;

/** The folders in which servers are made, best first. */
export function places(): readonly Place[] {
  const onDisk = [...new Set([tmpdir(), '/tmp', '/var/tmp'])];
  return [
    { path: '/dev/shm', inMemory: true },
    ...onDisk.map((path) => ({ path, inMemory: false })),
  ];
}

/**
 * Makes an empty folder, open to the account alone, with room for a database of that size.
 *
 * @throws `sandbox/no-space` when there is room nowhere
 */
export async function makeFolder(
  account: ServerAccount,
  sizeBytes: number,
): Promise<SandboxFolder> {
  const neededBytes = sizeBytes * spaceFactor + spaceMarginBytes;
  const prefix = `drydock-${await ownerMark()}-`;
  for (const place of places()) {
    if (!(await hasRoom(place, neededBytes))) continue;
    if (!(await isOpenTo(account, place.path))) continue;
    const path = await mkdtemp(join(place.path, prefix)).catch(() => undefined);
    if (path === undefined || Buffer.byteLength(path) > longestFolderBytes) continue;
    await giveTo(account, path);
    return { path, inMemory: place.inMemory };
  }
  throw new Failure({
    code: 'sandbox/no-space',
    message: `a throw-away server needs ${formatBytes(neededBytes)}, and neither memory nor ${tmpdir()} has that much free`,
    hint: 'Free some space, or set TMPDIR to a folder with a short path and enough space, then type the same command again.',
    details: { neededBytes },
  });
}

/**
 * Removes a sandbox folder as the account it belongs to. Root must not do it: while root walks down
 * a folder of another account, that account could put a link to anything in its way.
 */
export async function removeFolder(path: string, account: ServerAccount): Promise<void> {
  await runOrFail('rm', ['-rf', path], { ...account, cwd: '/' });
}

async function hasRoom(place: Place, neededBytes: number): Promise<boolean> {
  const room = await roomIn(place.path);
  if (room === undefined || room.freeBytes - room.reserveBytes < neededBytes) return false;
  // A container may show more room in /dev/shm than it may use memory.
  return !place.inMemory || neededBytes < process.availableMemory() / 2;
}

// Another account gets to a folder only through parents that let everybody pass.
async function isOpenTo(account: ServerAccount, path: string): Promise<boolean> {
  if (account.uid === undefined) return true;
  const { mode } = await stat(path);
  if ((mode & 0o001) === 0) return false;
  return path === dirname(path) || (await isOpenTo(account, dirname(path)));
}
