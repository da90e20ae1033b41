// Waits until an environment is healthy, or says that it is not.

import { type Context, throwIfInterrupted } from '../core/context.ts';
import type { HealthSample } from '../history/health-samples.ts';

const pauseMs = 500;

/**
 * Takes samples until one is green or the patience is used up, and returns the last one: an
 * application that has just been started answers a little later.
 */
export async function verifyHealth(
  context: Context,
  take: () => Promise<HealthSample>,
  patienceMs: number,
): Promise<HealthSample> {
  const startedAt = performance.now();
  for (;;) {
    const sample = await take();
    throwIfInterrupted(context.signal);
    if (sample.healthy || performance.now() - startedAt > patienceMs) return sample;
    await context.clock.sleep(pauseMs, context.signal);
  }
}
