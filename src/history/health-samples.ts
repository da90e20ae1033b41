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
