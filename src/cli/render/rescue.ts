// What is armed, and what a rescue brings back, in words.

import { formatBytes, formatDuration } from '../../core/duration.ts';
import { thousands } from '../../core/thousands.ts';
import type { ArmedNow } from '../../process/armed-now.ts';
import type { ArmReport } from '../../process/arming.ts';
import type { RescueQuestion, RescueReport } from '../../process/rescuing.ts';
import { closeEnoughMs } from '../../rescue/closing-in.ts';
import type { Comparison } from '../../rescue/compare.ts';
import type { SalvageCount } from '../../rescue/salvaged.ts';
import { moment } from './moment.ts';
import { plural, wrapLines } from './text.ts';

/** The closing words of `drydock arm`. */
export function renderArm(report: ArmReport): string {
  const { environment, backup, copy, isWarm, capture, tables, wide, limits } = report;
  const by = capture === 'triggers' ? 'captured by triggers' : 'kept';
  return wrapLines([
    `${environment} is armed: writes to ${plural(tables, 'table')} are ${by} from ${backup} on.`,
    isWarm
      ? `The copy ${copy} is there; drydock arm ${environment} --follow keeps it in step.`
      : `The copy ${copy} is built at the rescue.`,
    ...(wide.length === 0
      ? []
      : [
          `✗ No rescue from a migration that touches ${wide.join(', ')}: rows too wide to log twice.`,
        ]),
    ...limitLines(limits),
    `The way back: drydock rescue ${environment}. To give it up and free the log: drydock disarm ${environment}`,
  ]);
}

/** The question before the swap. */
export function renderRescueQuestion(question: RescueQuestion): string {
  const { target, run, behindMs, comparison, salvaged, broken } = question;
  const pause =
    behindMs < closeEnoughMs
      ? 'a moment'
      : `about ${formatDuration(behindMs)}, as they come as fast as they are played,`;
  const { environment, address } = target;
  return [
    '',
    `To take the place of ${address.label} in ${environment.name}`,
    wrapLines(
      [
        `the database of ${moment(run.begunAt)}, from before the change (${run.backup ?? 'its backup'}), with every write since`,
        ...comparedLines(comparison),
        ...salvageLines(salvaged),
        ...limitLines(run.limits),
        `writes pause for ${pause} and all sessions end; the database of now is kept as ${broken}`,
      ],
      2,
    ),
    '',
  ].join('\n');
}

/** The closing words of `drydock rescue`. */
export function renderRescue(report: RescueReport): string {
  const { environment, outcome, broken, salvaged, file, pauseMs, endedSessions, ms } = report;
  if (outcome === 'declined') {
    return `Nothing was swapped in ${environment}: the question was not answered with yes. It is armed as before.`;
  }
  if (outcome === 'finished') {
    return wrapLines([
      `The rescue of ${environment} was cut off when its names were swapped already: ${environment} is back from before the change, and the rest is done now.`,
      ...(file === null ? [] : [`✗ What the old schema cannot hold is in ${file}.`]),
    ]);
  }
  return wrapLines([
    `${environment} is back from before the change, with every write since, in ${formatDuration(ms)}.`,
    `Writes paused for ${formatDuration(pauseMs)}; ${plural(endedSessions, 'session')} ended.`,
    ...(report.comparison === null ? [] : comparedLines(report.comparison)),
    ...salvageLines(salvaged),
    ...(file === null
      ? []
      : [`✗ Written to ${file}, and kept in ${broken ?? 'the old database'}.`]),
    `The old database is kept as ${broken ?? ''}: look at it, then drydock drop-broken ${environment}. Now roll the code back: drydock rollback ${environment}`,
  ]);
}

function comparedLines({ rows, explained, unexplained, notCompared }: Comparison): string[] {
  const differ = `${thousands(explained)} differ by the migration's doing`;
  return [
    `${thousands(rows)} rows compared at one place of the log: ${differ}, ${unexplained.length === 0 ? '0 unexplained' : '✗ others unexplained'}`,
    ...unexplained.map(
      ({ table, rows: count, examples }) =>
        `✗ ${table}: ${count === null ? 'rows' : plural(count, 'row')} ${examples.join(' ')}`,
    ),
    ...(notCompared.length === 0 ? [] : [`not compared: ${notCompared.join('; ')}`]),
  ];
}

function salvageLines(salvaged: readonly SalvageCount[]): string[] {
  return salvaged.map(
    ({ table, rows, reason }) =>
      `✗ ${plural(rows, 'write')} to ${table} cannot be held by the old schema: ${reason}`,
  );
}

function limitLines(limits: readonly string[]): string[] {
  return limits.map((limit) => `a rescue does not bring along ${limit}`);
}

/** A line or more for an armed environment. */
export function armedLines(environment: string, armed: ArmedNow): string[] {
  const { state, since, capture, heldBytes, heldRows, isLost } = armed;
  if (state === 'arming') {
    return [`✗ it was being armed and is not: drydock disarm ${environment}`];
  }
  if (isLost) {
    const why =
      capture === 'stream'
        ? 'the server has given up its log'
        : 'not every write was captured since';
    return [`✗ the rescue is LOST, ${why}: drydock disarm ${environment}`];
  }
  const held =
    heldRows === null
      ? `${formatBytes(heldBytes)} of log held`
      : `${plural(heldRows, 'change')} captured by triggers, ${formatBytes(heldBytes)}`;
  const mark = armed.leftBytes === 0 ? '✗ ' : '';
  return [
    `${mark}armed since ${moment(since)}: ${held}${leftInWords(armed)}; ${copyInWords(armed)}`,
    `to go back without loss: drydock rescue ${environment}; to give that up: drydock disarm ${environment}`,
  ];
}

function leftInWords({ leftBytes, leftMs }: ArmedNow): string {
  if (leftBytes === null) return '';
  // Beyond a month the pace of today says little.
  const isSoon = leftBytes > 0 && leftMs !== null && leftMs < 30 * 24 * 3_600_000;
  const time = isSoon ? `, ${formatDuration(leftMs)} at this pace` : '';
  return `, ${formatBytes(leftBytes)} left${time}`;
}

function copyInWords({ hasCopy, isFollowed, copyBytes }: ArmedNow): string {
  if (!hasCopy) return 'copy not built yet';
  return `copy ${isFollowed ? 'kept in step' : 'there'}, ${formatBytes(copyBytes)}`;
}
