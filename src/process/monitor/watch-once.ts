// One round of the monitoring: look, judge with what was seen before, keep the sample, and answer an incident.
// Everything that is remembered between rounds lies in the environment itself; only while its database is away
// is it held here, and written when the database is back.

import { Failure } from '../../core/failure.ts';
import { asBaseline, figuresIn, type Look, lookAt, sampleOf } from '../../health/look.ts';
import { type Answers, judgedLooks, judgeErrors } from '../../health/probes/errors.ts';
import { type Freeze, readFreeze } from '../../history/freeze.ts';
import { type HealthSample, recordSample, removeSamples } from '../../history/health-samples.ts';
import { assertMarker, prepareEnvironment } from '../../history/marker.ts';
import {
  type NewestChange,
  type OpenIncident,
  readAnswers,
  readBaseline,
  readNewestChange,
  readOpenIncident,
  readWatched,
  type Watched,
} from '../../history/watched.ts';
import { connect, type Database } from '../../postgres/connect.ts';
import { assertOwnSession } from '../../postgres/pooling.ts';
import { giveUpInTime } from '../giving-up.ts';
import type { Project, Target } from '../project.ts';
import { clocksOf, sayClocks } from '../server-clock.ts';
import { allClear, freezeFor, page, reasonOf, recordIncident } from './alarm.ts';
import { actByItself } from './by-itself.ts';
import { keptSamplesMs } from './keep-samples.ts';

/** How the environment stands after a round. */
export interface WatchState extends Watched {
  readonly change: NewestChange | null;
  /** When the baseline was taken; null while there is none. */
  readonly baselineAt: Date | null;
  readonly newest: HealthSample;
  readonly incident: OpenIncident | null;
  readonly freeze: Freeze | null;
  /** Samples that wait for the database to be back. */
  readonly unsaved: number;
}

/** A monitoring at work. */
export interface Watch {
  readonly project: Project;
  /** The same, but not to be interrupted. */
  readonly steady: Project;
  readonly target: Target;
  readonly forMs: number;
  readonly startedAt: Date;
  /** False: nobody is paged while the database is away, for nothing would remember it. */
  readonly lasting: boolean;
  /** Drydock's own schema is there. */
  prepared: boolean;
  /** Samples that wait for the database to be back. */
  readonly unsaved: HealthSample[];
  /** People were told of it, and the journal does not have it yet. */
  unwritten: OpenIncident | undefined;
  /** How it stood after the last round. */
  state: WatchState | undefined;
}

/**
 * Does one round.
 *
 * @throws `history/wrong-environment`, `history/may-not-install`, `interrupted`
 */
export async function watchOnce(watch: Watch): Promise<WatchState> {
  const { context } = watch.project;
  const look = await lookAt(context, watch.target.environment);
  try {
    if ('problem' in look.database) return await roundWithoutDatabase(watch, look);
    await using database = await connect(watch.target.address, { purpose: 'health' });
    return await roundWithDatabase(watch, look, database);
  } catch (failure) {
    if (!(failure instanceof Failure && failure.code.startsWith('postgres/'))) throw failure;
    // From the first round on: nothing of this watch would ever be kept.
    const isWrongPlace = ['postgres/standby', 'postgres/transaction-pooling'].includes(
      failure.code,
    );
    if (isWrongPlace && !watch.prepared) throw failure;
    // It answered a moment ago: gone between the look and the keeping, or it may not be written to.
    const text = `the sample waits to be kept: ${failure.message}`;
    context.emit({ kind: 'note', text });
    return roundWithoutDatabase(watch, look);
  }
}

async function roundWithDatabase(
  watch: Watch,
  look: Look,
  database: Database,
): Promise<WatchState> {
  const { steady: project, target } = watch;
  const { name } = target.environment;
  if (!watch.prepared) {
    await assertOwnSession(database);
    await prepareEnvironment(database, name, project.actor);
    sayClocks(watch.project.context, name, await clocksOf(watch.project.context, database));
    watch.prepared = true;
  } else {
    await assertMarker(database, name);
  }
  // Two monitors of one environment page once.
  await database.query("SELECT pg_advisory_lock(hashtext('drydock.monitor'))");
  const change = await readNewestChange(database);
  const since = change?.at ?? new Date(watch.startedAt.getTime() - watch.forMs);
  const reach = new Date(since.getTime() - watch.forMs);
  const before = await readBaseline(database, reach);
  const { sample, kept } = judged(watch, look, {
    baseline: before,
    answers: await readAnswers(database, { from: since, most: judgedLooks - 1 }),
    answersBefore: await readAnswers(database, { from: reach, to: since, most: judgedLooks }),
  });
  for (const waiting of watch.unsaved) {
    const ageMs = project.context.clock.now().getTime() - waiting.at.getTime();
    await recordSample(database, waiting, ageMs);
  }
  await recordSample(database, kept);
  watch.unsaved.length = 0;
  const olderMs = keptSamplesMs(name, project.config.environments, watch.forMs);
  await removeSamples(database, { olderMs, baselinesFrom: reach });
  await giveUpInTime(project, target, database);
  const watched = await readWatched(database, since);
  const incident = await answer(watch, database, { sample, watched });
  const state = {
    ...(await readWatched(database, since)),
    change,
    baselineAt: (before ?? (await readBaseline(database, reach)))?.at ?? null,
    newest: sample,
    incident,
    freeze: await readFreeze(database),
    unsaved: 0,
  };
  watch.state = state;
  return state;
}

// The first look of a monitoring that finds no baseline is one.
function judged(
  { target }: Watch,
  look: Look,
  seen: {
    readonly baseline: HealthSample | undefined;
    readonly answers: Answers;
    readonly answersBefore: Answers;
  },
): { readonly sample: HealthSample; readonly kept: HealthSample } {
  const { limits, redInARow } = target.environment.monitor;
  const { baseline: before, answers, answersBefore } = seen;
  const figures = 'figures' in look.database ? look.database.figures : undefined;
  const baseline = before === undefined ? figures : figuresIn(before);
  const { application } = look;
  const errors =
    application === null
      ? []
      : [
          judgeErrors([...answers, application.healthy], {
            limits,
            redInARow,
            before: answersBefore,
          }),
        ];
  const sample = sampleOf(look, { limits, baseline }, errors);
  return before === undefined && figures !== undefined
    ? { sample, kept: asBaseline(sample, figures, 'first look') }
    : { sample, kept: sample };
}

async function answer(
  watch: Watch,
  database: Database,
  { sample, watched }: { readonly sample: HealthSample; readonly watched: Watched },
): Promise<OpenIncident | null> {
  const { steady: project, target } = watch;
  const { monitor, notify } = target.environment;
  const known = await readOpenIncident(database);
  const isNew = known === null && watched.redInARow >= monitor.redInARow;
  const begun = { since: watched.redSince ?? sample.at, reason: reasonOf(sample) };
  let incident = known;
  if (known === null && (isNew || watch.unwritten !== undefined)) {
    // The freeze comes first: the message tells of it.
    if ((await readFreeze(database)) === null) {
      await freezeFor(project, target, watch.unwritten ?? begun);
    }
    incident = watch.unwritten ?? { ...begun, told: await page(project, target, begun) };
    watch.unwritten = incident;
    await recordIncident(project, target, { state: 'red', ...incident });
    await actByItself(project, target);
  } else if (known?.told === '' && notify.length > 0 && !sample.healthy) {
    // No receiver took the first message. One that does is worth an entry of its own.
    const told = await page(project, target, known);
    if (told !== '') await recordIncident(project, target, { state: 'red', ...known, told });
  }
  watch.unwritten = undefined;
  if (incident === null || !sample.healthy) return incident;
  const told = await allClear(project, target, incident);
  await recordIncident(project, target, { state: 'green', ...incident, told });
  return null;
}

async function roundWithoutDatabase(watch: Watch, look: Look): Promise<WatchState> {
  const { steady: project, target, state: last, unsaved } = watch;
  const { limits, redInARow: limit } = target.environment.monitor;
  const sample = sampleOf(look, { limits, baseline: undefined });
  unsaved.push(sample);
  const redInARow = sample.healthy ? 0 : (last?.redInARow ?? 0) + 1;
  const redSince = sample.healthy ? null : (last?.redSince ?? sample.at);
  let incident = watch.unwritten ?? last?.incident ?? null;
  if (incident === null && redInARow >= limit && watch.lasting) {
    const begun = { since: redSince ?? sample.at, reason: reasonOf(sample) };
    incident = { ...begun, told: await page(project, target, begun) };
    watch.unwritten = incident;
  }
  const state = {
    samples: (last?.samples ?? 0) + 1,
    red: (last?.red ?? 0) + (sample.healthy ? 0 : 1),
    redInARow,
    redSince,
    incidents: last?.incidents ?? 0,
    change: last?.change ?? null,
    baselineAt: last?.baselineAt ?? null,
    newest: sample,
    incident,
    freeze: last?.freeze ?? null,
    unsaved: unsaved.length,
  };
  watch.state = state;
  return state;
}
