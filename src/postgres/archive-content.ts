// What an archive is on the disk: one file, or a folder of files, each with its digest.

import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { sha256, sha256OfFile } from '../core/digest.ts';

/** One file of an archive. */
export interface ArchiveFile {
  readonly name: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** What an archive is on the disk. */
export interface ArchiveContent {
  /** `folder`: a file for each table, dumped and restored side by side. */
  readonly format: 'file' | 'folder';
  readonly sizeBytes: number;
  /** Of the file; of a folder, of the list that `sha256sum *` prints in it. */
  readonly sha256: string;
  /** In the order of their names; one where the archive is one file. */
  readonly files: readonly ArchiveFile[];
}

/**
 * Reads every byte of an archive, but for the files of which the digest is known already and that
 * nobody has written to since.
 */
export async function readArchive(
  path: string,
  known: EarlyDigests = new Map(),
): Promise<ArchiveContent> {
  const isFolder = (await stat(path)).isDirectory();
  const files: ArchiveFile[] = [];
  for (const name of isFolder ? (await readdir(path)).sort() : [basename(path)]) {
    const file = isFolder ? join(path, name) : path;
    const { size } = await stat(file);
    const early = known.get(name);
    const isKnown = early !== undefined && early.stamp === (await stampOf(file)).stamp;
    files.push({
      name,
      sizeBytes: size,
      sha256: isKnown ? early.sha256 : await sha256OfFile(file),
    });
  }
  const sums = files.map((file) => `${file.sha256}  ${file.name}\n`).join('');
  return {
    format: isFolder ? 'folder' : 'file',
    sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    sha256: isFolder ? sha256(sums) : (files[0]?.sha256 ?? ''),
    files,
  };
}

/** The size of an archive, without reading it. */
export async function archiveSize(path: string): Promise<number> {
  const found = await stat(path);
  if (!found.isDirectory()) return found.size;
  const files = (await readdir(path)).map(async (name) => (await stat(join(path, name))).size);
  return (await Promise.all(files)).reduce((sum, size) => sum + size, 0);
}

/** Digests of files, each with the size and the time of the last write that it had before it was read. */
export type EarlyDigests = ReadonlyMap<string, { readonly stamp: string; readonly sha256: string }>;

/** Reading that goes on in the background. */
export interface EarlyReading {
  /** Ends it. */
  stop(): Promise<EarlyDigests>;
}

// Longer than the steps in which any file system counts time, so that a write in the same step as the
// last one cannot go unseen.
const settledMs = 2_500;

/** Reads the files of a folder that seem to be whole, while others are still being written. */
export function readEarly(folder: string): EarlyReading {
  const digests = new Map<string, { stamp: string; sha256: string }>();
  const stopping = new AbortController();
  const { signal } = stopping;
  const work = (async () => {
    while (!signal.aborted) {
      for (const name of await readdir(folder).catch(() => [])) {
        const { stamp, writtenMs } = await stampOf(join(folder, name));
        const isWanted = !signal.aborted && Date.now() - writtenMs > settledMs;
        if (isWanted && digests.get(name)?.stamp !== stamp)
          digests.set(name, { stamp, sha256: await sha256OfFile(join(folder, name)) });
      }
      await setTimeout(100, undefined, { signal });
    }
  })();
  // It ends by being stopped; and a file that cannot be read fails when it is read at the end.
  work.catch(() => {});
  return {
    stop: async () => {
      stopping.abort();
      await work.catch(() => {});
      return digests;
    },
  };
}

async function stampOf(file: string): Promise<{ stamp: string; writtenMs: number }> {
  const { size, mtimeNs, mtimeMs } = await stat(file, { bigint: true });
  return { stamp: `${size} ${mtimeNs}`, writtenMs: Number(mtimeMs) };
}
