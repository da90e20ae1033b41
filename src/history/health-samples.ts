// Health samples: what the probes said about an environment, kept in that environment.

import type { Database } from '../postgres/connect.ts';
import { isInstalled } from './install.ts';
import { lookAtSchema } from './schema-look.ts';

/** One health question with a yes or no answer and a figure. */
export interface ProbeResult {
  readonly probe: string;
  readonly healthy: boolean;
  /** False when there was no answer at all, as from an application that is still starting. */
  readonly answered: boolean;
  /** What was seen, for people: `200 in 12 ms`. */
  readonly figure: string;
  /** In the baseline of a monitoring: the figures themselves, which later samples are compared with. */
  readonly seen?: unknown;
}

/** The name under which a baseline is among the probes of its sample. */
export const baselineProbe = 'baseline';

/** All probes asked at one moment. */
export interface HealthSample {
  readonly at: Date;
  readonly healthy: boolean;
  readonly probes: readonly ProbeResult[];
}

/**
 * Keeps a sample: its time is the server's, whatever the machine's clock says.
 *
 * @param ageMs how long ago it was taken, where it could not be kept at once
 */
export async function recordSample(
  database: Database,
  { healthy, probes }: Pick<HealthSample, 'healthy' | 'probes'>,
  ageMs = 0,
): Promise<void> {
  await database.query(
    `INSERT INTO drydock.health_samples (at, healthy, probes)
     VALUES (clock_timestamp() - make_interval(secs => $3::float8 / 1000), $1, $2) ON CONFLICT DO NOTHING`,
    [healthy, JSON.stringify(probes), ageMs],
  );
  await lookAtSchema(database);
}

/** The newest sample of the last so many hours. */
export async function readNewestSample(
  database: Database,
  hours: number,
): Promise<HealthSample | undefined> {
  if (!(await isInstalled(database))) return undefined;
  const [newest] = await database.query<HealthSample>(
    `SELECT at, healthy, probes FROM drydock.health_samples
      WHERE at >= clock_timestamp() - make_interval(hours => $1) ORDER BY at DESC LIMIT 1`,
    [hours],
  );
  return newest;
}

/** The samples since a moment, oldest first. */
export async function readSamples(
  database: Database,
  since: Date,
): Promise<readonly HealthSample[]> {
  if (!(await isInstalled(database))) return [];
  return database.query<HealthSample>(
    'SELECT at, healthy, probes FROM drydock.health_samples WHERE at >= $1 ORDER BY at',
    [since],
  );
}

// A first removal may have years to remove: a part with every look, so that no look takes long.
const removedAtOnce = 10_000;

/**
 * Removes the oldest samples of those that are older than so long, by the server's clock.
 *
 * @param baselinesFrom the baselines since then stay: figures of today are compared with them
 */
export async function removeSamples(
  database: Database,
  { olderMs, baselinesFrom }: { readonly olderMs: number; readonly baselinesFrom: Date },
): Promise<void> {
  await database.query(
    `DELETE FROM drydock.health_samples WHERE at IN (
       SELECT at FROM drydock.health_samples
        WHERE at < clock_timestamp() - make_interval(secs => $1::float8 / 1000)
          AND NOT (at >= $2 AND probes @> $3::jsonb) ORDER BY at LIMIT $4)`,
    [olderMs, baselinesFrom, JSON.stringify([{ probe: baselineProbe }]), removedAtOnce],
  );
}
