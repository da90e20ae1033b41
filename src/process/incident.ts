// The incident record: a file of Markdown for the people who look at it in daylight. It holds names, times and
// figures, no row of a table and no secret; it is readable by its owner alone, as messages of the application
// may stand in it.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Actor } from '../core/actor.ts';
import { localTimestamp } from '../core/clock.ts';
import { formatDuration } from '../core/duration.ts';
import { Failure, messageOf, stateSentence } from '../core/failure.ts';
import { replaceFile } from '../core/write-file.ts';
import type { HealthSample } from '../history/health-samples.ts';
import type { Emergency } from './emergency.ts';
import type { Project } from './project.ts';
import type { JudgedWay } from './ways-back/way.ts';

/** What is recorded. */
export interface IncidentRecord {
  readonly emergency: Emergency;
  readonly by: Actor;
  readonly way: string;
  readonly startedAt: Date;
  /** Null: it has not ended, or was killed. */
  readonly end: {
    readonly at: Date;
    readonly outcome: 'done' | 'failed';
    readonly did: readonly string[];
    readonly next: readonly string[];
    readonly health: HealthSample | null;
    readonly failure: unknown;
  } | null;
}

/** Writes the record, whole or not at all, to `incidents/ENV/` beside the configuration; returns its path. */
export async function writeIncident(
  { config }: Pick<Project, 'config'>,
  record: IncidentRecord,
): Promise<string> {
  const folder = join(config.root, 'incidents', record.emergency.environment);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `${localTimestamp(record.startedAt)}.md`);
  replaceFile(path, incidentText(record), 0o600);
  return path;
}

/** The record as Markdown. */
function incidentText({ emergency, by, way, startedAt, end }: IncidentRecord): string {
  const { environment, address, problem, changes, health, redSince, ways } = emergency;
  return `${[
    `# Incident in ${environment}, ${time(startedAt)}`,
    '',
    `- Database: ${address}`,
    `- Recovered by: ${by.who} on ${by.host}`,
    `- Way back: ${way}`,
    `- Began: ${time(startedAt)}`,
    end === null
      ? '- Ended: not yet, or the command was killed; `drydock history` shows what it did'
      : `- Ended: ${time(end.at)}, after ${formatDuration(end.at.getTime() - startedAt.getTime())}: ${end.outcome}`,
    '',
    '## What was seen',
    '',
    ...(problem === null ? [] : [`- The database could not be read: ${problem}`]),
    ...healthLines(health),
    ...(redSince === null ? [] : [`- Red since ${redSince}`]),
    '',
    '## What had changed',
    '',
    ...(changes.length === 0 ? ['- Nothing that the journal knows, in the last week'] : []),
    ...changes.map(
      ({ at, who, command, outcome, about }) =>
        `- ${at} ${command}${about === '' ? '' : ` ${about}`}, by ${who}: ${outcome === 'begun' ? 'never told its end' : outcome}`,
    ),
    '',
    '## Which ways back there were',
    '',
    ...ways.map(wayLine),
    '',
    '## What was done',
    '',
    ...(end?.did ?? []).map((line) => `- ${line}`),
    ...(end !== null && end.did.length === 0 ? ['- Nothing was changed by this command'] : []),
    ...(end === null || end.failure === null ? [] : [`- ${failureLine(end.failure)}`]),
    '',
    '## How it is now',
    '',
    ...(end?.health ? healthLines(end.health) : ['- Not looked at']),
    '',
    '## What is left to do',
    '',
    ...(end?.next ?? []).map((line) => `- [ ] ${line}`),
    '- [ ] Write down the cause, and what would have shown it earlier',
    '- [ ] Plan the retry: a corrected migration, rehearsed again',
  ].join('\n')}\n`;
}

function wayLine({ name, judgement }: JudgedWay): string {
  if (!judgement.possible) return `- ${name}: not possible, ${judgement.whyNot}`;
  const { ms, measured, loss, doubt } = judgement;
  const minutes = ms === null ? measured : `about ${formatDuration(ms)} (${measured})`;
  return `- ${name}: ${minutes}, ${loss.sentence}${doubt === null ? '' : `; ${doubt}`}`;
}

function healthLines({ probes }: HealthSample): readonly string[] {
  return probes.map(
    ({ probe, healthy, figure }) => `- ${probe}: ${healthy ? 'well' : 'RED'}, ${figure}`,
  );
}

function failureLine(failure: unknown): string {
  const state = failure instanceof Failure ? `${stateSentence(failure)} ` : '';
  return `It failed. ${state}${messageOf(failure)}`;
}

function time(at: Date): string {
  return `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
