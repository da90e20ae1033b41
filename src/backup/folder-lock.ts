// One backup at a time in a folder, beside the lock on the server: two databases may share a folder,
// and a connection pool may lose a session with its lock.

import { link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { Failure } from '../core/failure.ts';
import { isRunning, startOf } from '../core/process-start.ts';

interface Holder {
  readonly host: string;
  readonly pid: number;
  readonly startedAt: string;
}

const heartbeatMs = 30_000;
// Whether a process of another machine still lives, only its heartbeat tells.
const silentMs = 10 * heartbeatMs;

/**
 * Works while no other process does so in the same folder. A lock whose holder was killed is taken over.
 *
 * @throws `backup/already-running`
 */
export async function withFolderLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const lock = join(folder, '.backing-up');
  const holder: Holder = {
    host: hostname(),
    pid: process.pid,
    startedAt: await startOf(process.pid),
  };
  await take(lock, holder);
  const beat = setInterval(() => {
    utimes(lock, new Date(), new Date()).catch(() => {});
  }, heartbeatMs);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    await rm(lock, { force: true });
  }
}

async function take(lock: string, holder: Holder): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    if (await create(lock, holder)) return;
    const other = await readHolder(lock);
    if (other !== undefined && (attempt === 3 || (await holds(lock, other)))) {
      throw new Failure({
        code: 'backup/already-running',
        message: `another Drydock is writing a backup to ${dirname(lock)}: process ${other.pid} on ${other.host}`,
        hint: 'Wait until it has finished, then type the same command again.',
      });
    }
    // Of two that take it over at once the slower one may have moved the new lock of the other: that
    // goes back.
    const aside = `${lock}.${holder.pid}-${holder.startedAt}`;
    await rename(lock, aside).catch(() => {});
    const moved = await readHolder(aside);
    if (moved !== undefined && (await holds(aside, moved))) await link(aside, lock).catch(() => {});
    await rm(aside, { force: true });
  }
}

async function create(lock: string, holder: Holder): Promise<boolean> {
  try {
    await writeFile(lock, JSON.stringify(holder), { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    // A full disk: made, and without its content.
    await rm(lock, { force: true });
    throw error;
  }
}

async function holds(lock: string, { host, pid, startedAt }: Holder): Promise<boolean> {
  if (host === hostname()) return await isRunning(pid, startedAt);
  const found = await stat(lock).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs < silentMs;
}

// A file without its content is of a process that was killed in that very moment, or writes it now.
async function readHolder(lock: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(lock, 'utf8')) as Holder;
  } catch {
    const found = await stat(lock).catch(() => undefined);
    const isFresh = found !== undefined && Date.now() - found.mtimeMs < 5_000;
    return isFresh ? { host: 'this or another machine', pid: 0, startedAt: '' } : undefined;
  }
}
