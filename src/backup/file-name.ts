// Names in a backup folder: what a finished dump is called, and what one in the making is called.

import { readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { localTimestamp } from '../core/clock.ts';
import { isRunning, startOf } from '../core/process-start.ts';

/**
 * The first name from `now` on that is not taken in the folder, nor elsewhere: an earlier backup is
 * never overwritten.
 */
export async function freeName(
  folder: string,
  now: Date,
  elsewhere: readonly string[] = [],
): Promise<string> {
  for (let time = now.getTime(); ; time += 1_000) {
    const name = `pre_migration_${localTimestamp(new Date(time))}.dump`;
    const file = join(folder, name);
    if (elsewhere.includes(name) || (await exists(file))) continue;
    const beside = await Promise.all(filesBeside(file).map(exists));
    if (!beside.includes(true)) return name;
  }
}

/** Where the manifest of a dump is. */
export function manifestFileOf(dumpFile: string): string {
  return `${dumpFile}.manifest.json`;
}

/** Where its second copy is. */
export function manifestCopyOf(dumpFile: string): string {
  return `${dumpFile}.manifest.copy.json`;
}

/** Where the roles of the server and the settings of the database are, as SQL. */
export function globalsFileOf(dumpFile: string): string {
  return `${dumpFile}.globals.sql`;
}

/** Everything that Drydock writes beside a dump, and that goes with it. */
export function filesBeside(dumpFile: string): readonly string[] {
  return [globalsFileOf(dumpFile), manifestCopyOf(dumpFile), manifestFileOf(dumpFile)];
}

/** A file that a person puts beside a dump (`touch`), so that it is never pruned. */
export function keepFileOf(dumpFile: string): string {
  return `${dumpFile}.keep`;
}

/** The name of a file in the making. It tells whose it is, so that the next run can clear it away. */
export async function partialName(name: string): Promise<string> {
  return `.${name}.${hostname()}.${process.pid}-${await startOf(process.pid)}.partial`;
}

// Whether a process of another machine still lives cannot be seen from here. One that has not written
// for so long is dead.
const foreignGraceMs = 24 * 3_600_000;

/**
 * Removes what killed runs left in the making, and what they had written beside a dump that never got
 * its name.
 */
export async function sweepPartials(folder: string): Promise<void> {
  for (const partial of await readdir(folder)) {
    const [, name = '', pid, startedAt = ''] = /^\.(.*)\.(\d+)-(\w*)\.partial$/.exec(partial) ?? [];
    if (pid === undefined) continue;
    const path = join(folder, partial);
    const ownEnding = `.${hostname()}`;
    const lives = name.endsWith(ownEnding)
      ? await isRunning(Number(pid), startedAt)
      : Date.now() - (await lastWrite(path)) < foreignGraceMs;
    if (lives) continue;
    const dump = /^(.*?\.dump)\./.exec(name)?.[1];
    // First what stands beside it: when this is interrupted too, the next run finds the rest.
    if (dump !== undefined && !(await exists(join(folder, dump))))
      for (const file of filesBeside(join(folder, dump))) await rm(file, { force: true });
    await rm(path, { recursive: true, force: true, maxRetries: 5 });
  }
}

// Of a folder, the last write to anything in it.
async function lastWrite(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() !== true) return found?.mtimeMs ?? Date.now();
  const names = await readdir(path);
  const times = await Promise.all(names.map((name) => lastWrite(join(path, name))));
  return Math.max(found.mtimeMs, ...times);
}

/** True when there is something of that name. */
export async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined)) !== undefined;
}
