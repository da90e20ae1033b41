// Health for people.

import { styleText } from 'node:util';
import type { HealthSample } from '../../history/health-samples.ts';

/** A line for each probe and a verdict. */
export function renderHealth(environment: string, sample: HealthSample): string {
  if (sample.probes.length === 0) {
    return `${environment} has no probe: give its address or health in the configuration.`;
  }
  const width = Math.max(...sample.probes.map(({ probe }) => probe.length));
  return [
    ...sample.probes.map(
      ({ probe, healthy, figure }) => `${mark(healthy)} ${probe.padEnd(width)}  ${figure}`,
    ),
    sample.healthy ? `${environment} is healthy.` : `${environment} is NOT healthy.`,
  ].join('\n');
}

/** A sample in one sentence. */
export function healthSentence(sample: HealthSample): string {
  const figures = sample.probes.map(({ probe, figure }) => `${probe} ${figure}`).join('; ');
  return `${mark(sample.healthy)} ${sample.healthy ? 'Healthy' : 'NOT healthy'}: ${figures}`;
}

function mark(healthy: boolean): string {
  return healthy ? styleText('green', '✓') : styleText('red', '✗');
}
