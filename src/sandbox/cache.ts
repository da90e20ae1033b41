// The private cache: data directories and embedded servers that later starts use again.

import { access, chmod, lstat, mkdir } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { giveTo, type ServerAccount } from './account.ts';
import { currentUid } from './owner.ts';

/**
 * A folder that the owner alone can write to; undefined when none can be had. Servers run what lies
 * in it, so a folder that somebody else made first is never used.
 */
export async function cacheFolder(
  name: 'data' | 'embedded',
  owner: ServerAccount,
): Promise<string | undefined> {
  for (const folder of candidates(name)) {
    await make(folder, owner).catch(() => {
      // It is there from an earlier start, or it cannot be made here: the next lines tell.
    });
    const entry = await lstat(folder).catch(() => undefined);
    const isOwn = entry?.isDirectory() === true && entry.uid === (owner.uid ?? currentUid());
    if (isOwn && (entry.mode & 0o022) === 0) return folder;
  }
  return undefined;
}

/** True when something is at the path. */
export async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

// Root's home would be closed to the account that runs its servers.
function candidates(name: string): readonly string[] {
  const usual =
    currentUid() === 0
      ? '/var/cache/pg-drydock'
      : join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'pg-drydock');
  return [join(usual, name), join(tmpdir(), `drydock-${currentUid()}-${name}`)];
}

async function make(folder: string, owner: ServerAccount): Promise<void> {
  await mkdir(dirname(folder), { recursive: true, mode: 0o755 });
  await mkdir(folder);
  // Whatever the umask is: the account enters, and nobody else writes.
  await chmod(folder, 0o755);
  await giveTo(owner, folder);
}
