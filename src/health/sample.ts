// One look at an environment: every probe asked once, at the same moment.

import type { Environment } from '../config/environment.ts';
import type { Context } from '../core/context.ts';
import type { HealthSample } from '../history/health-samples.ts';
import { probeDatabase } from './probes/database.ts';
import { probeHttp } from './probes/http.ts';

/** Asks every probe that the environment has. Red is a value. */
export async function takeSample(
  context: Context,
  environment: Environment,
): Promise<HealthSample> {
  const { address, health } = environment;
  const probes = await Promise.all([
    ...(address === undefined ? [] : [probeDatabase(address, context.signal)]),
    ...(health === undefined ? [] : [probeHttp(health, context.signal)]),
  ]);
  return { at: context.clock.now(), healthy: probes.every((probe) => probe.healthy), probes };
}
