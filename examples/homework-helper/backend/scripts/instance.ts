// The application of one environment as a process on this machine: starting, finding, stopping it.
// A process id is believed only if that process runs this folder's server: ids are used again.

import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { databaseUrlOf, portOf } from '../environments.ts';

export interface Instance {
  readonly pid: number;
  readonly commit: string;
}

/** Where everything about the releases of an environment is kept; ignored by git. */
export function folderOf(environment: string): string {
  if (!/^[a-z][a-z0-9_-]*$/.test(environment)) throw new Error('name an environment: production');
  return resolve('.releases', environment);
}

/** The instance that was started last, if it still runs. */
export function runningInstance(environment: string): Instance | undefined {
  try {
    const record = readFileSync(recordOf(environment), 'utf8');
    const instance = JSON.parse(record) as Instance;
    return isRunning(environment, instance) ? instance : undefined;
  } catch {
    return undefined;
  }
}

/** Starts a version and resolves when it has loaded and only wants the port. */
export async function start(environment: string, commit: string): Promise<Instance> {
  const folder = join(folderOf(environment), commit);
  const logFile = join(folderOf(environment), 'server.log');
  const log = openSync(logFile, 'a');
  const child = spawn(
    process.execPath,
    ['--import', 'jiti/register', join(folder, 'src', 'server.ts')],
    {
      cwd: folder,
      // A session of its own: it outlives this script and the terminal.
      detached: true,
      stdio: ['ignore', log, log, 'ipc'],
      env: {
        ...process.env,
        DATABASE_URL: databaseUrlOf(environment),
        PORT: String(portOf(environment)),
        DRYDOCK_RELEASE: commit,
      },
    },
  );
  await new Promise<void>((ready, failed) => {
    child.once('message', () => ready());
    child.once('error', failed);
    child.once('exit', () => failed(new Error(`release ${commit} does not start: see ${logFile}`)));
  });
  child.disconnect();
  child.unref();
  return { pid: child.pid ?? 0, commit };
}

/** Remembers an instance as the one that is meant to run. */
export function remember(environment: string, instance: Instance): void {
  const path = recordOf(environment);
  // Written beside and renamed: whoever reads sees the old record or the new one.
  writeFileSync(`${path}.new`, JSON.stringify(instance));
  renameSync(`${path}.new`, path);
}

export function forget(environment: string): void {
  rmSync(recordOf(environment), { force: true });
}

/** Asks a process to finish its requests and end. */
export function askToStop({ pid }: Instance): void {
  signal(pid, 'SIGTERM');
}

/** Waits for the end of a process, and forces it when the time is up. */
export async function waitForEnd(
  environment: string,
  { pid }: Instance,
  patienceMs: number,
): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (isRunning(environment, { pid })) {
    if (performance.now() > deadline) signal(pid, 'SIGKILL');
    await sleep(50);
  }
}

/** True while that process runs a server of this environment's releases. */
export function isRunning(environment: string, { pid }: Pick<Instance, 'pid'>): boolean {
  return signal(pid, 0) && commandOf(pid).includes(join(folderOf(environment), '/'));
}

/** Runs `work` while no other release of the environment does. */
export async function alone(environment: string, work: () => Promise<void>): Promise<void> {
  const folder = folderOf(environment);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, '..', '.gitignore'), '*\n');
  const lock = join(folder, 'lock');
  takeLock(lock, environment);
  try {
    await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

// A link is made whole or not at all: whoever sees the lock can read whose it is.
function takeLock(lock: string, environment: string): void {
  const mine = `${lock}.${process.pid}`;
  writeFileSync(mine, String(process.pid));
  try {
    discardDeadLock(lock, environment);
    linkSync(mine, lock);
  } finally {
    rmSync(mine);
  }
}

function discardDeadLock(lock: string, environment: string): void {
  if (!existsSync(lock)) return;
  const holder = Number(readFileSync(lock, 'utf8'));
  if (signal(holder, 0) && /scripts\/(release|stop)\.ts/.test(commandOf(holder))) {
    throw new Error(`another release of ${environment} is under way (pid ${holder})`);
  }
  rmSync(lock);
}

function recordOf(environment: string): string {
  return join(folderOf(environment), 'instance.json');
}

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return (
      spawnSync('ps', ['-ww', '-o', 'args=', '-p', String(pid)], { encoding: 'utf8' }).stdout ?? ''
    );
  }
}
