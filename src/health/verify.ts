// Waits until an environment is healthy, or says that it is not.

import { type Context, throwIfInterrupted } from '../core/context.ts';
import type { HealthSample } from '../history/health-samples.ts';

const pauseMs = 500;

// Silence may end when the application has started; a red answer seldom turns green by itself.
const answeredPatienceMs = 5_000;

/**
 * Takes samples until one is green or the patience is used up, and returns the last one. A red answer
 * is waited for less long than no answer.
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
    const answered = sample.probes.every((probe) => probe.answered);
    const limitMs = answered ? Math.min(patienceMs, answeredPatienceMs) : patienceMs;
    if (sample.healthy || performance.now() - startedAt > limitMs) return sample;
    await context.clock.sleep(pauseMs, context.signal);
  }
}
