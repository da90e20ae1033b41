// What the monitoring of an environment has seen so far: read from the kept samples and the journal, so that
// it can be stopped at any moment and go on elsewhere.

import type { Database } from '../postgres/connect.ts';
import { baselineProbe, type HealthSample } from './health-samples.ts';
import { isInstalled } from './install.ts';
import { detailOf, type JournalEntry } from './journal.ts';

/** The newest thing that was done to an environment: a migration, or a release of the application. */
export interface NewestChange {
  /** `008_add_teacher_mode`, or `deploy 1a2b3c4`. */
  readonly what: string;
  readonly at: Date;
}

/** An incident that people were paged about and that is not over. */
export interface OpenIncident {
  readonly since: Date;
  readonly reason: string;
  /** Hosts of the webhooks that took the message; empty: none did. */
  readonly told: string;
}

/** What was seen so far. */
export interface Watched {
  readonly samples: number;
  readonly red: number;
  /** Up to the newest one; 0 when that is green. */
  readonly redInARow: number;
  /** When the first of those was taken; null when the newest is green. */
  readonly redSince: Date | null;
  /** How many incidents there were. */
  readonly incidents: number;
}

/** The newest migration in force or release; null where there was none. */
export async function readNewestChange(database: Database): Promise<NewestChange | null> {
  if (!(await isInstalled(database))) return null;
  const [newest] = await database.query<NewestChange>(
    `SELECT name AS what, applied_at AS at FROM drydock.ledger
     UNION ALL
     SELECT concat_ws(' ', entry ->> 'command', left(entry #>> '{details,release}', 7)),
            (entry ->> 'at')::timestamptz
       FROM drydock.journal
      WHERE entry ->> 'command' IN ('deploy', 'rollback') AND entry ->> 'phase' = 'done'
      ORDER BY at DESC LIMIT 1`,
  );
  return newest ?? null;
}

/** The newest baseline since a moment. */
export async function readBaseline(
  database: Database,
  since: Date,
): Promise<HealthSample | undefined> {
  const [newest] = await database.query<HealthSample>(
    `SELECT at, healthy, probes FROM drydock.health_samples
      WHERE at >= $1 AND probes @> $2::jsonb ORDER BY at DESC LIMIT 1`,
    [since, JSON.stringify([{ probe: baselineProbe }])],
  );
  return newest;
}

/** Whether the application answered well at the newest looks of a time, oldest first. */
export async function readAnswers(
  database: Database,
  { from, to, most }: { readonly from: Date; readonly to?: Date; readonly most: number },
): Promise<readonly boolean[]> {
  const rows = await database.query<{ healthy: boolean }>(
    `SELECT (probe ->> 'healthy')::boolean AS healthy
       FROM drydock.health_samples, jsonb_array_elements(probes) AS probe
      WHERE at >= $1 AND at < coalesce($2::timestamptz, 'infinity') AND probe ->> 'probe' = 'application'
      ORDER BY at DESC LIMIT $3`,
    [from, to ?? null, most],
  );
  return rows.map(({ healthy }) => healthy).toReversed();
}

/** What was seen since a moment. */
export async function readWatched(database: Database, since: Date): Promise<Watched> {
  return database.one<Watched>(
    `WITH watched AS (SELECT at, healthy FROM drydock.health_samples WHERE at >= $1),
          run AS (SELECT at FROM watched
                   WHERE at > coalesce((SELECT max(at) FROM watched WHERE healthy), '-infinity'))
     SELECT count(*)::int AS samples, (count(*) FILTER (WHERE NOT healthy))::int AS red,
            (SELECT count(*)::int FROM run) AS "redInARow", (SELECT min(at) FROM run) AS "redSince",
            (SELECT count(DISTINCT entry #>> '{details,since}')::int FROM drydock.journal
              WHERE entry ->> 'command' = 'monitor' AND entry ->> 'phase' = 'done'
                AND entry #>> '{details,state}' = 'red'
                AND (entry ->> 'at')::timestamptz >= $1) AS incidents
       FROM watched`,
    [since],
  );
}

/** The incident that is not over yet, as the journal has it. */
export async function readOpenIncident(database: Database): Promise<OpenIncident | null> {
  const [newest] = await database.query<{ entry: JournalEntry }>(
    `SELECT entry FROM drydock.journal
      WHERE entry ->> 'command' = 'monitor' AND entry ->> 'phase' = 'done'
      ORDER BY seq DESC LIMIT 1`,
  );
  if (newest === undefined || detailOf(newest.entry, 'state') !== 'red') return null;
  return {
    since: new Date(detailOf(newest.entry, 'since') ?? newest.entry.at),
    reason: detailOf(newest.entry, 'reason') ?? '',
    told: detailOf(newest.entry, 'told') ?? '',
  };
}
