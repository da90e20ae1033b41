// Removes what servers left behind whose owner was killed together with their watchdog, or by a
// power cut. It touches nothing of another user, nor of a process that lives.

import { lstat, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { uptime } from 'node:os';
import { basename, join } from 'node:path';
import type { ServerAccount } from './account.ts';
import { places } from './folder.ts';
import { currentUid, ownerIsAlive, ownerOf } from './owner.ts';

/** Removes the leftovers of this user and returns their folders. */
export async function sweepLeftovers(account: ServerAccount): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const place of places()) {
    for (const name of await readdir(place.path).catch(() => [])) {
      const folder = join(place.path, name);
      if (!(await isLeftover(folder, account))) continue;
      await endServerIn(folder);
      if (await remove(folder)) removed.push(folder);
    }
  }
  return removed;
}

async function isLeftover(folder: string, account: ServerAccount): Promise<boolean> {
  const owner = ownerOf(basename(folder));
  if (owner === undefined || owner.uid !== currentUid()) return false;
  const entry = await lstat(folder).catch(() => undefined);
  if (entry === undefined || !entry.isDirectory()) return false;
  // Anybody may make a folder with such a name: only what this user (or its account) made counts.
  if (entry.uid !== owner.uid && entry.uid !== account.uid) return false;
  const alive = await ownerIsAlive(owner);
  // The owner is out of sight: dead for certain if the machine started after the folder was made.
  return alive === undefined ? entry.mtimeMs < Date.now() - uptime() * 1_000 : !alive;
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

// Two sweeps at once meet in the same folder: whoever is late finds it gone.
async function remove(folder: string): Promise<boolean> {
  return await rm(folder, { recursive: true, maxRetries: 5, retryDelay: 20 }).then(
    () => true,
    () => false,
  );
}
