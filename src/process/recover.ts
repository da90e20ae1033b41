// The emergency page: what changed, what is red, which ways back exist now. Then one of them is driven, the
// health is looked at, and what was done is written down.

import { rm } from 'node:fs/promises';
import { relative } from 'node:path';
import { step } from '../core/context.ts';
import { Failure, messageOf } from '../core/failure.ts';
import type { HealthSample } from '../history/health-samples.ts';
import { type Emergency, lookAround } from './emergency.ts';
import { type IncidentRecord, writeIncident } from './incident.ts';
import { doing, type Project, type Target, targetNamed } from './project.ts';
import { waitForHealth } from './releases.ts';
import type { WayEvidence } from './ways-back/evidence.ts';
import { type Driven, declined, type Hands, type Way } from './ways-back/way.ts';
import { ways } from './ways-back/ways.ts';

/** What was done about it. */
export interface RecoverReport extends Emergency {
  /** Null: somebody only looked. */
  readonly taken: {
    readonly way: string;
    readonly outcome: Driven['outcome'];
    readonly did: readonly string[];
    readonly next: readonly string[];
    /** Afterwards; null when nothing was changed. */
    readonly health: HealthSample | null;
    /** File of the incident record; null when nothing was changed, or it could not be written. */
    readonly record: string | null;
  } | null;
}

/** Who chooses and answers. */
export interface RecoverHands extends Hands {
  /** Name of the way to take; undefined: none. Everything that is known is shown first. */
  choose(emergency: Emergency): Promise<string | undefined>;
}

/**
 * Says how an environment stands and what can be done, then does what was chosen.
 *
 * @throws `recover/no-such-way`, `recover/not-possible`, `recover/by-hand`, and what the way itself throws
 */
export async function recoverEnvironment(
  project: Project,
  name: string,
  hands: RecoverHands,
): Promise<RecoverReport> {
  const target = targetNamed(project, name);
  const { evidence, emergency } = await step(project.context, `look at ${name}`, () =>
    lookAround(project, target),
  );
  const chosen = await hands.choose(emergency);
  if (chosen === undefined) return { ...emergency, taken: null };
  const way = drivable(emergency, chosen);
  return { ...emergency, taken: await take(project, target, { way, evidence, emergency, hands }) };
}

function drivable({ environment, ways: judged }: Emergency, chosen: string): Way {
  const found = judged.find(({ name }) => name === chosen);
  const names = judged.flatMap(({ name, judgement }) => (judgement.possible ? [name] : []));
  const instead =
    names.length === 0
      ? 'No way back exists now.'
      : `Choose one of ${names.join(', ')}: drydock recover ${environment}`;
  if (found === undefined) {
    const message = `there is no way back called ${chosen}`;
    throw new Failure({ code: 'recover/no-such-way', message, hint: instead });
  }
  const { judgement } = found;
  if (!judgement.possible) {
    throw new Failure({
      code: 'recover/not-possible',
      message: `${chosen} is not possible now: ${judgement.whyNot}`,
      hint: instead,
    });
  }
  const way = ways.find(({ name }) => name === chosen);
  if (way?.drive === undefined) {
    throw new Failure({
      code: 'recover/by-hand',
      message: `${chosen} is done by hand, and Drydock cannot drive it`,
      hint: `Type it yourself, where there is room for it: ${judgement.command}`,
    });
  }
  return way;
}

interface Taking {
  readonly way: Way;
  readonly evidence: WayEvidence;
  readonly emergency: Emergency;
  readonly hands: Hands;
}

// The record is there from the first moment on: a kill leaves it behind, with what was begun.
async function take(
  project: Project,
  target: Target,
  { way, evidence, emergency, hands }: Taking,
): Promise<RecoverReport['taken']> {
  const { clock } = project.context;
  const startedAt = clock.now();
  const begun = { emergency, by: project.actor, way: way.name, startedAt, end: null };
  const keep = (end: Omit<NonNullable<IncidentRecord['end']>, 'at'>): Promise<string | null> =>
    keepIncident(project, { ...begun, end: { at: clock.now(), ...end } });
  const begunRecord = await keepIncident(project, begun);
  let driven: Driven | undefined;
  try {
    driven = (await way.drive?.(project, evidence, hands)) ?? declined;
    const { outcome, did, next } = driven;
    if (outcome === 'declined') {
      if (begunRecord !== null) await rm(begunRecord);
      return { way: way.name, outcome, did, next, health: null, record: null };
    }
    const health = driven.health ?? (await waitForHealth(project, emergency.environment));
    const record = await keep({ outcome, did, next, health, failure: null });
    await tellJournal(project, target, { way: way.name, health, record });
    return { way: way.name, outcome, did, next, health, record };
  } catch (failure) {
    const { did = [], next = [] } = driven ?? {};
    await keep({ outcome: 'failed', did, next, health: null, failure });
    // The way itself tells its own state; what fails after it has not undone it.
    const isDone = driven?.outcome === 'done' && failure instanceof Failure;
    throw isDone ? failure.withState('changed', did.join('; ')) : failure;
  }
}

// A disk that is full must not stand between a person and the way back.
async function keepIncident(project: Project, record: IncidentRecord): Promise<string | null> {
  try {
    return await writeIncident(project, record);
  } catch (failure) {
    const text = `The incident record cannot be written: ${messageOf(failure)}`;
    project.context.emit({ kind: 'note', text });
    return null;
  }
}

// The way itself has its own entries: this one says that it was an emergency, and where it is told. What was
// done is done, whether or not this can be written.
async function tellJournal(
  project: Project,
  target: Target,
  { way, health, record }: { way: string; health: HealthSample; record: string | null },
): Promise<void> {
  const path = record === null ? null : relative(project.config.root, record);
  try {
    await doing(project, target, { command: 'recover', changes: false }, async () => ({
      result: undefined,
      details: { way, healthy: health.healthy, record: path },
    }));
  } catch (failure) {
    const text = `The journal was not told where the incident record is: ${messageOf(failure)}`;
    project.context.emit({ kind: 'note', text });
  }
}
