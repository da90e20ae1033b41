// How long health samples are kept. A sample a minute is half a million a year; who needs old ones is the
// monitoring itself, and the soak of the environment that is promoted to from here.

import type { Environment } from '../../config/environment.ts';

const dayMs = 24 * 3_600_000;
const leastMs = 30 * dayMs;

/** How long the samples of an environment are kept: 30 days, or twice what anybody looks back. */
export function keptSamplesMs(
  name: string,
  environments: readonly Pick<Environment, 'after' | 'soakMs'>[],
  forMs: number,
): number {
  const soaks = environments.filter(({ after }) => after === name).map(({ soakMs }) => soakMs);
  return Math.max(leastMs, 2 * Math.max(forMs, ...soaks));
}
