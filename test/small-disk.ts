// A disk that is full, and has room again when a test says so. Only root may mount one.

import { mkdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run, runOrFail } from '../src/core/process.ts';

/** A small disk of its own, mounted on a folder until it is disposed of. */
export interface SmallDisk extends AsyncDisposable {
  readonly path: string;
  /** Takes all the room that is left. */
  fill(): Promise<void>;
  /** Gives it back. */
  clear(): Promise<void>;
}

/** Mounts a disk of `size` on `path`; undefined where this user may not. */
export async function smallDisk(path: string, size: string): Promise<SmallDisk | undefined> {
  await mkdir(path, { recursive: true });
  const mounted = await run('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0777`, 'none', path]);
  if (mounted.exitCode !== 0) {
    // Unless something was there before.
    await rmdir(path).catch(() => {});
    return undefined;
  }
  const filler = join(path, '.filler');
  return {
    path,
    fill: async () => {
      // Ends when nothing fits any more.
      await run('dd', ['if=/dev/zero', `of=${filler}`, 'bs=4k']);
    },
    clear: async () => {
      await runOrFail('rm', ['-f', filler]);
    },
    [Symbol.asyncDispose]: async () => {
      await runOrFail('umount', ['--lazy', path]);
      await runOrFail('rmdir', [path]);
    },
  };
}

/** Why there is none. */
export const noSmallDisk = 'only root may mount a small disk here';
