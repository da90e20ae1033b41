// Small files of the user's, whole or not at all: a full disk must leave no half of one that looks good,
// and nothing less of what was there.

import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { Failure } from './failure.ts';

/**
 * Makes a file that is not there yet.
 *
 * @throws `usage/cannot-write`, also where there is one already
 */
export function writeNewFile(path: string, text: string, mode = 0o644): void {
  writing(() => fill(path, openSync(path, 'wx', mode), text), path);
}

/**
 * Writes a file in the place of what is there, with its rights unless `mode` says others; a link stays one.
 *
 * @throws `usage/cannot-write`
 */
export function replaceFile(path: string, text: string, mode?: number): void {
  writing(() => {
    const there = existsSync(path) ? realpathSync(path) : path;
    const kept = statSync(there, { throwIfNoEntry: false })?.mode;
    const partial = `${there}.${process.pid}.partial`;
    fill(partial, openSync(partial, 'w', mode ?? kept ?? 0o644), text);
    try {
      renameSync(partial, there);
    } catch (error) {
      rmSync(partial);
      throw error;
    }
  }, path);
}

function fill(path: string, handle: number, text: string): void {
  try {
    try {
      writeFileSync(handle, text);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
}

/**
 * Runs what writes the user's files: what a file system refuses is no bug of Drydock.
 *
 * @param path what is written, where the system does not say it: it names no path of a full disk
 * @throws `usage/cannot-write`
 */
export function writing<T>(work: () => T, path?: string): T {
  try {
    return work();
  } catch (error) {
    throw cannotWrite(error, path);
  }
}

/** The failure behind an error of the file system; anything else comes back as it is. */
export function cannotWrite(error: unknown, path?: string): unknown {
  const { code, path: told } = error as NodeJS.ErrnoException;
  const named = path ?? told;
  if (error instanceof Failure || code === undefined || named === undefined) return error;
  return new Failure({
    code: 'usage/cannot-write',
    message: `cannot write ${named}: ${reasons[code] ?? code}`,
    hint: hintFor(code, named),
    cause: error,
  });
}

const reasons: Readonly<Record<string, string>> = {
  EEXIST: 'there is such a file already',
  ENOSPC: 'the disk is full (ENOSPC)',
  EDQUOT: 'the quota of the disk is used up (EDQUOT)',
};

function hintFor(code: string, path: string): string {
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return 'Make room on the disk (df -h) or in its quota, then type the same command again.';
  return code === 'EEXIST'
    ? `Nothing is overwritten: look at it (ls -ld ${path}), or give it another name.`
    : `Look at it and at its rights (ls -ld ${path}), then type the same command again.`;
}
