// The status of every environment, for people.

import { styleText } from 'node:util';
import { formatDuration } from '../../core/duration.ts';
import type { EnvironmentStatus, MigrationState, MigrationStatus } from '../../process/outlook.ts';
import type { Soak } from '../../promotion/soak.ts';
import { keptLines } from './kept.ts';
import { moment } from './moment.ts';
import { armedLines } from './rescue.ts';
import { plural, wrap } from './text.ts';

/** How many applied migrations, and how many differences of a schema, are shown one by one. */
const shownAtMost = 10;

/**
 * A paragraph for each environment, in the order of promotion; with `listed`, the newest migrations
 * stand in it one by one.
 */
export function renderStatus(
  statuses: readonly EnvironmentStatus[],
  options: { readonly listed?: boolean } = {},
): string {
  return statuses.map((status) => paragraph(status, options.listed === true)).join('\n\n');
}

function paragraph(status: EnvironmentStatus, listed: boolean): string {
  const head = `${styleText('bold', status.name)}  ${status.database ?? 'no address'}`;
  if (status.problem !== null) return `${head}\n${indent(`✗ ${status.problem}`)}`;
  const { migrations, drift, unfinished, batches, paused, health, soak, kept, armed } = status;
  const named = (state: MigrationState): readonly string[] =>
    migrations.filter((migration) => migration.state === state).map(({ name }) => name);
  const pending = named('pending');
  const lines = [
    ...(listed ? list(migrations) : summary(migrations)),
    pending.length === 0
      ? 'nothing is pending'
      : listed
        ? `${plural(pending.length, 'migration')} pending: drydock apply ${status.name}`
        : `pending: ${pending.join(', ')}`,
    ...named('partial').map(
      (name) => `✗ only some steps of ${name} are in force: drydock apply ${status.name}`,
    ),
    ...named('abandoned').map((name) => `◌ the rest of ${name} was abandoned`),
    ...batches.map(
      ({ version, changed, lastAt }) =>
        `◐ batches of ${version}: ${plural(changed, 'row')} changed, the last at ${moment(lastAt)}`,
    ),
    ...(paused === null
      ? []
      : [
          `‖ batches paused by ${paused.by} since ${moment(paused.at)}: drydock resume ${status.name}`,
        ]),
    ...named('changed').map((name) => `✗ ${name} was edited after it was applied`),
    ...(named('missing').length === 0
      ? []
      : [`in force without a file here: ${named('missing').join(', ')}`]),
    ...driftLines(status.name, drift),
    ...unfinished.map(
      ({ command, at, who }) => `✗ ${command} of ${who} began at ${at} and never told its end`,
    ),
    ...(health === null
      ? []
      : [`${health.healthy ? '✓ healthy' : '✗ NOT healthy'} at ${moment(health.at)}`]),
    ...(soak === null ? [] : [soakLine(soak)]),
    ...kept.flatMap(keptLines),
    ...(kept.length === 0
      ? []
      : [
          `to take it back: drydock undo ${status.name}; to give that up: drydock finalize ${status.name}`,
        ]),
    ...(armed === null ? [] : armedLines(status.name, armed)),
  ];
  return [head, ...lines.map(indent)].join('\n');
}

function summary(migrations: readonly MigrationStatus[]): readonly string[] {
  const last = migrations.findLast(({ appliedAt }) => appliedAt !== null);
  return [
    last === undefined ? 'nothing is in force yet' : `${last.name} since ${moment(last.appliedAt)}`,
  ];
}

const marks: Readonly<Record<MigrationState, string>> = {
  applied: '✓',
  partial: '◐',
  abandoned: '◌',
  pending: '·',
  changed: '≠',
  missing: '?',
};

// The newest ones that are simply in force, and every other one.
function list(migrations: readonly MigrationStatus[]): readonly string[] {
  const applied = migrations.filter(({ state }) => state === 'applied');
  const left = new Set(applied.slice(0, Math.max(0, applied.length - shownAtMost)));
  const width = Math.max(0, ...migrations.map(({ name }) => name.length));
  return [
    ...(left.size === 0 ? [] : [`✓ ${plural(left.size, 'older migration')}`]),
    ...migrations
      .filter((migration) => !left.has(migration))
      .map(({ name, state, appliedAt, appliedBy }) =>
        appliedAt === null
          ? `${marks[state]} ${name.padEnd(Math.min(width, 40))}  ${state}`
          : `${marks[state]} ${name.padEnd(Math.min(width, 40))}  ${moment(appliedAt)}  ${appliedBy}${state === 'applied' ? '' : `  ${state}`}`,
      ),
  ];
}

function driftLines(environment: string, drift: readonly string[]): readonly string[] {
  if (drift.length === 0) return [];
  const rest = drift.length - shownAtMost;
  return [
    '✗ the schema was changed by hand since the last apply:',
    ...drift.slice(0, shownAtMost).map((difference) => `– ${difference}`),
    ...(rest > 0 ? [`– and ${rest} more: drydock status ${environment} --json`] : []),
  ];
}

function soakLine({ environment, soakedMs, wantedMs, leftMs, since }: Soak): string {
  const soaked = `soaked ${formatDuration(soakedMs)} of ${formatDuration(wantedMs)} in ${environment}`;
  if (leftMs === 0) return `✓ ${soaked}`;
  const next = since === null ? `: the time starts with a look, drydock health ${environment}` : '';
  return `◌ ${soaked}, ${formatDuration(leftMs)} left${next}`;
}

function indent(text: string): string {
  return wrap(text, 76)
    .map((line, index) => `${index === 0 ? '  ' : '    '}${line}`)
    .join('\n');
}
