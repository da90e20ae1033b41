// The mark in the name of a sandbox folder: which process owns it.

import { readlink } from 'node:fs/promises';
import { isRunning, startOf } from '../core/process-start.ts';

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
  return await isRunning(owner.pid, owner.startedAt);
}

/** The user id of this process; 0 where there are none. */
export function currentUid(): number {
  return process.getuid?.() ?? 0;
}

async function pidNamespace(): Promise<string> {
  const link = await readlink('/proc/self/ns/pid').catch(() => '');
  return /\d+/.exec(link)?.[0] ?? '0';
}
