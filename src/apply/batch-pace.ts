// How large the next batch is, and when it waits. Pure: figures in, figures out.

import { formatBytes, formatDuration } from '../core/duration.ts';

/** A batch takes about so long: row locks are held no longer, and nobody waits for them for long. */
const targetMs = 250;
/** A batch writes about so much WAL, so that replicas and checkpoints are not flooded. */
const targetWalBytes = 16 * 1024 * 1024;

const firstSize = 1_000;
const smallestSize = 50;
const largestSize = 100_000;

/** A replica that is further behind is waited for. */
const mostLagMs = 5_000;
/** The same in bytes of WAL that it has not replayed: a replica that stands still may tell an old time. */
const mostLagBytes = 128 * 1024 * 1024;

/** What one batch did. */
export interface BatchFigures {
  /** Rows that it walked over. */
  readonly walked: number;
  readonly ms: number;
  readonly walBytes: number;
}

/** The size of the first batch. */
export function firstBatchSize(most: number | undefined): number {
  return Math.min(firstSize, most ?? largestSize);
}

/**
 * The size of the next batch: as large as the targets allow, at most twice and at least half of what the
 * last one was, so that one odd batch decides little.
 */
export function nextBatchSize(size: number, last: BatchFigures, most: number | undefined): number {
  if (last.walked === 0) return size;
  const room = Math.min(
    targetMs / Math.max(last.ms, 1),
    targetWalBytes / Math.max(last.walBytes, 1),
  );
  const next = Math.round(size * Math.min(2, Math.max(0.5, room)));
  return Math.max(1, Math.min(Math.max(next, smallestSize), most ?? largestSize));
}

/** How far the replicas are behind; null where there are none, or this role may not see it. */
export interface ReplicaLag {
  readonly ms: number | null;
  readonly bytes: number | null;
}

/** How far replicas that need a moment are behind, for people; undefined when they keep up. */
export function tooFarBehind({ ms, bytes }: ReplicaLag): string | undefined {
  if ((ms ?? 0) > mostLagMs) return formatDuration(ms ?? 0);
  return (bytes ?? 0) > mostLagBytes ? formatBytes(bytes ?? 0) : undefined;
}
