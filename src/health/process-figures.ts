// What a report says about the process itself: for people who look for a cause, not for a verdict.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';

/** Memory of the process. */
export interface MemoryFigures {
  readonly rssBytes: number;
  readonly heapUsedBytes: number;
  readonly heapLimitBytes: number;
}

/** How late timers ran since the last report; null in the first one. */
export interface EventLoopFigures {
  readonly meanDelayMs: number | null;
  readonly maxDelayMs: number | null;
}

/** Memory in use, and where Node would give up. */
export function memoryFigures(): MemoryFigures {
  const { rss, heapUsed } = process.memoryUsage();
  const { heap_size_limit: heapLimit } = getHeapStatistics();
  return { rssBytes: rss, heapUsedBytes: heapUsed, heapLimitBytes: heapLimit };
}

const resolutionMs = 20;
let histogram: ReturnType<typeof monitorEventLoopDelay> | undefined;

/** Delay of the event loop since the last call; the first call starts the measurement. */
export function eventLoopFigures(): EventLoopFigures {
  if (histogram === undefined) {
    histogram = monitorEventLoopDelay({ resolution: resolutionMs });
    histogram.enable();
    return { meanDelayMs: null, maxDelayMs: null };
  }
  const figures =
    histogram.count === 0
      ? { meanDelayMs: null, maxDelayMs: null }
      : { meanDelayMs: lateness(histogram.mean), maxDelayMs: lateness(histogram.max) };
  histogram.reset();
  return figures;
}

// Node records the whole time between two ticks of its timer, the planned part included.
function lateness(nanoseconds: number): number {
  return Math.max(0, Math.round((nanoseconds / 1e6 - resolutionMs) * 10) / 10);
}
