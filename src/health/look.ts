// One look of the monitoring: the application and everything of the database, judged together into a sample.

import type { Environment } from '../config/environment.ts';
import { type Context, throwIfInterrupted } from '../core/context.ts';
import { baselineProbe, type HealthSample, type ProbeResult } from '../history/health-samples.ts';
import { type DatabaseLook, databaseProbes, type Figures, lookAtDatabase } from './figures.ts';
import { judgeFigures, type Measure } from './judge-figures.ts';
import { probeHttp } from './probes/http.ts';

/** What was seen of an environment at one moment. */
export interface Look {
  readonly at: Date;
  /** Null: the configuration has no health address. */
  readonly application: ProbeResult | null;
  readonly database: DatabaseLook;
}

/**
 * Looks once. What does not answer is a value.
 *
 * @throws `interrupted`
 */
export async function lookAt(
  { clock, signal }: Context,
  { address, health }: Pick<Environment, 'address' | 'health'>,
): Promise<Look> {
  const at = clock.now();
  const [application, database] = await Promise.all([
    health === undefined ? null : probeHttp(health, signal),
    address === undefined ? { problem: 'no address' } : lookAtDatabase(address, signal),
  ]);
  // A request that was given up is not the application's silence.
  throwIfInterrupted(signal);
  return { at, application, database };
}

/**
 * Makes a sample of a look.
 *
 * @param overTime what several looks at the application show together
 */
export function sampleOf(
  { at, application, database }: Look,
  measure: Measure,
  overTime: readonly ProbeResult[] = [],
): HealthSample {
  const probes = [
    ...(application === null ? [] : [application]),
    ...overTime,
    ...('problem' in database
      ? [{ probe: 'database', healthy: false, answered: false, figure: database.problem }]
      : [
          {
            probe: 'database',
            healthy: true,
            answered: true,
            figure: `answers in ${database.ms} ms`,
          },
          ...judgeFigures(database.figures, measure),
        ]),
  ];
  return { at, healthy: probes.every(({ healthy }) => healthy), probes };
}

/** The same sample as the baseline of what comes: with its figures, and a word on what it is. */
export function asBaseline(sample: HealthSample, figures: Figures, word: string): HealthSample {
  const names = new Set(databaseProbes.map(({ name }) => name));
  return {
    ...sample,
    probes: [
      ...sample.probes.map((result) =>
        names.has(result.probe) ? { ...result, seen: figures[result.probe] } : result,
      ),
      { probe: baselineProbe, healthy: true, answered: true, figure: word },
    ],
  };
}

/** The figures that a baseline has kept. */
export function figuresIn({ probes }: HealthSample): Figures {
  return Object.fromEntries(
    probes.flatMap(({ probe, seen }) => (seen === undefined ? [] : [[probe, seen]])),
  );
}
