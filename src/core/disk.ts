// Room on a disk: how much there is, and work that is stopped before there is none.

import { statfs } from 'node:fs/promises';

/** The room on a disk. */
export interface Room {
  readonly freeBytes: number;
  /** Less than this is none: what else lives on the disk needs some. */
  readonly reserveBytes: number;
}

const mostReserveBytes = 256 * 1024 ** 2;
const reservePart = 0.02;
const pollMs = 200;

/** The room on the disk of a folder; undefined where it cannot be seen. */
export async function roomIn(folder: string): Promise<Room | undefined> {
  const disk = await statfs(folder).catch(() => undefined);
  if (disk === undefined) return undefined;
  const { bavail, blocks, bsize } = disk;
  const reserveBytes = Math.min(mostReserveBytes, blocks * bsize * reservePart);
  return { freeBytes: bavail * bsize, reserveBytes };
}

/** Work that fills a disk. */
export interface Filling<T> {
  /** Any folder of the disk; undefined while it is not known, and where it cannot be seen. */
  readonly folder: () => string | undefined;
  readonly signal: AbortSignal;
  /** Stops when its signal fires. */
  readonly work: (signal: AbortSignal) => Promise<T>;
  /** What is thrown when it was stopped because the disk is nearly full. */
  readonly full: (freeBytes: number) => unknown;
}

/**
 * Works while there is room, and stops the work before the disk is full: a server that cannot write
 * its log any more ends, and takes every database on it along.
 */
export async function whileThereIsRoom<T>(filling: Filling<T>): Promise<T> {
  const { folder, signal, work, full } = filling;
  const stop = new AbortController();
  let left: number | undefined;
  const look = async (): Promise<void> => {
    const place = folder();
    const room = place === undefined ? undefined : await roomIn(place);
    if (room === undefined || room.freeBytes >= room.reserveBytes) return;
    left = room.freeBytes;
    stop.abort();
  };
  const timer = setInterval(() => void look(), pollMs);
  try {
    return await work(AbortSignal.any([signal, stop.signal]));
  } catch (failure) {
    // It may have gone faster than this looks.
    await look();
    if (left === undefined || signal.aborted) throw failure;
    throw full(left);
  } finally {
    clearInterval(timer);
  }
}
