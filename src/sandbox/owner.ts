// The mark in the name of a sandbox folder: which process owns it. A process id alone would not do:
// ids come again, after a restart of the machine and in every container.

import { readFile, readlink } from 'node:fs/promises';
import { isAlive, run } from '../core/process.ts';

/** What the name of a sandbox folder says about its owner. */
export interface Owner {
  readonly uid: number;
  /** Which set of process ids the pid belongs to: containers have their own. */
  readonly namespace: string;
  readonly pid: number;
  /** When the process started, in a form that only compares as equal or not. */
  readonly startedAt: string;
}

/** This process as an owner, for a folder's name. */
export async function ownerMark(): Promise<string> {
  const startedAt = await startOf(process.pid);
  return `${currentUid()}-${await pidNamespace()}-${process.pid}-${startedAt}`;
}

/** The owner that a folder's name tells; undefined for a folder that is none of ours. */
export function ownerOf(folderName: string): Owner | undefined {
  const match = /^drydock-(\d+)-(\d+)-(\d+)-(\w+)-\w{6}$/.exec(folderName);
  if (match === null) return undefined;
  const [, uid, namespace = '', pid, startedAt = ''] = match;
  return { uid: Number(uid), namespace, pid: Number(pid), startedAt };
}

/** Whether the owner still runs; undefined for one that cannot be seen from this container. */
export async function ownerIsAlive(owner: Owner): Promise<boolean | undefined> {
  if (owner.namespace !== (await pidNamespace())) return undefined;
  return isAlive(owner.pid) && (await startOf(owner.pid)) === owner.startedAt;
}

/** The user id of this process; 0 where there are none. */
export function currentUid(): number {
  return process.getuid?.() ?? 0;
}

async function pidNamespace(): Promise<string> {
  const link = await readlink('/proc/self/ns/pid').catch(() => '');
  return /\d+/.exec(link)?.[0] ?? '0';
}

// Linux: ticks between the start of the machine and of the process (proc(5), field 22; the second
// field may hold spaces and brackets). Elsewhere: ps.
async function startOf(pid: number): Promise<string> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (line !== undefined) {
    const fromThirdField = line.slice(line.lastIndexOf(')') + 2).split(' ');
    return fromThirdField[19] ?? '';
  }
  const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
  const shown = await run('ps', ['-o', 'lstart=', '-p', String(pid)], { env }).catch(
    () => undefined,
  );
  return shown?.stdout.replaceAll(/\W/g, '') ?? '';
}
