// Removes what servers left behind whose owner was killed together with their watchdog, or by a
// power cut. It touches nothing of another user, nor of a process that lives.

import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { uptime } from 'node:os';
import { basename, join } from 'node:path';
import type { ServerAccount } from './account.ts';
import { places, removeFolder } from './folder.ts';
import { keptState } from './kept.ts';
import { currentUid, ownerIsAlive, ownerOf } from './owner.ts';

/** Removes the leftovers of this user. */
export async function sweepLeftovers(account: ServerAccount): Promise<void> {
  for (const place of places()) {
    for (const name of await readdir(place.path).catch(() => [])) {
      const folder = join(place.path, name);
      const maker = await makerOfLeftover(folder, account);
      if (maker === undefined || (await keptState(folder)) === 'kept') continue;
      await endAndRemove(folder, maker);
    }
  }
}

/** Ends the servers that were kept and whose commands have ended; gives their number. */
export async function dropKept(account: ServerAccount): Promise<number> {
  let dropped = 0;
  for (const place of places()) {
    for (const name of await readdir(place.path).catch(() => [])) {
      const folder = join(place.path, name);
      const maker = await makerOfLeftover(folder, account);
      if (maker === undefined || (await keptState(folder)) === 'not kept') continue;
      await endAndRemove(folder, maker);
      dropped += 1;
    }
  }
  return dropped;
}

async function endAndRemove(folder: string, maker: ServerAccount): Promise<void> {
  await endServerIn(folder);
  // What cannot be removed now (its server is still ending) is left to the next sweep.
  await removeFolder(folder, maker).catch(() => {});
}

// Anybody may make a folder with such a name: only what this user, or its account, made counts.
async function makerOfLeftover(
  folder: string,
  account: ServerAccount,
): Promise<ServerAccount | undefined> {
  const owner = ownerOf(basename(folder));
  if (owner === undefined || owner.uid !== currentUid()) return undefined;
  const entry = await lstat(folder).catch(() => undefined);
  if (entry === undefined || !entry.isDirectory()) return undefined;
  const maker = entry.uid === account.uid ? account : {};
  if (entry.uid !== (maker.uid ?? owner.uid)) return undefined;
  const alive = await ownerIsAlive(owner);
  // The owner is out of sight: dead for certain if the machine started after the folder was made.
  const isLeftover = alive === undefined ? entry.mtimeMs < Date.now() - uptime() * 1_000 : !alive;
  return isLeftover ? maker : undefined;
}

// The server outlives its folder by up to a minute otherwise, until it misses postmaster.pid.
async function endServerIn(folder: string): Promise<void> {
  const data = join(folder, 'data');
  const pidFile = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number.parseInt(pidFile, 10);
  // The id may belong to another program by now: a server works in its data directory.
  const workingFolder = await readlink(`/proc/${pid}/cwd`).catch(() => '');
  if (workingFolder !== data) return;
  try {
    process.kill(pid, 'SIGQUIT');
  } catch {
    // It ended in this moment.
  }
}
