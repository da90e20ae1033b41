// Names in a backup folder: what a finished dump is called, and what one in the making is called.

import { readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { localTimestamp } from '../core/clock.ts';
import { isAlive } from '../core/process.ts';

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
    if (!(await exists(manifestFileOf(file)))) return name;
  }
}

/** Where the manifest of a dump is. */
export function manifestFileOf(dumpFile: string): string {
  return `${dumpFile}.manifest.json`;
}

/** Where the roles of the server and the settings of the database are, as SQL. */
export function globalsFileOf(dumpFile: string): string {
  return `${dumpFile}.globals.sql`;
}

/** A file that a person puts beside a dump (`touch`), so that it is never pruned. */
export function keepFileOf(dumpFile: string): string {
  return `${dumpFile}.keep`;
}

/** The name of a file in the making. It tells whose it is, so that the next run can clear it away. */
export function partialName(name: string): string {
  return `.${name}.${hostname()}.${process.pid}.partial`;
}

/** Removes what killed runs on this machine left in the making. */
export async function sweepPartials(folder: string): Promise<void> {
  const host = hostname();
  for (const name of await readdir(folder)) {
    const [, pid] = /\.(\d+)\.partial$/.exec(name) ?? [];
    if (pid === undefined || !name.endsWith(`.${host}.${pid}.partial`)) continue;
    if (!isAlive(Number(pid)))
      await rm(join(folder, name), { recursive: true, force: true, maxRetries: 5 });
  }
}

/** True when there is something of that name. */
export async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined)) !== undefined;
}
