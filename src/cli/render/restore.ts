// A restore for people: what it would lose, and what it did.

import { formatBytes, formatDuration } from '../../core/duration.ts';
import { fillingStatement, type UnfilledView } from '../../postgres/fill-views.ts';
import type { LossEstimate } from '../../restore/loss.ts';
import type { RestoreReport, SwapQuestion } from '../../restore/restore.ts';
import type { RestoreBesideReport } from '../../restore/restore-beside.ts';
import type { RestoreElsewhereReport } from '../../restore/restore-elsewhere.ts';
import type { RestoreTablesReport } from '../../restore/restore-tables.ts';
import { plural, table, wrapLines } from './text.ts';

/** What is known before the swap. */
export function renderSwapQuestion({
  database,
  backup,
  broken,
  loss,
  unfilled,
}: SwapQuestion): string {
  return [
    '',
    wrapLines([
      `${backup.name} is restored beside ${database} and compared.`,
      broken === null
        ? `There is no database ${database} now: the restored one gets its name.`
        : `The live database will be kept as ${broken}.`,
      ...(loss === null ? ['What was written since the backup cannot be read.'] : []),
      ...unfilledLines(unfilled),
    ]),
    ...(loss === null ? [] : lossLines(loss)),
    '',
  ].join('\n');
}

/** What a restore did. */
export function renderRestore(report: RestoreReport): string {
  const { environment, backup, database, broken, pauseMs, restoreMs } = report;
  if (report.outcome === 'refused') {
    return `Nothing was changed in ${environment}: the swap was not confirmed, and the copy is gone.`;
  }
  return wrapLines([
    `${database} is the database of ${backup} again (restored in ${formatDuration(restoreMs)}, writes paused for ${formatDuration(pauseMs)}).`,
    ...(broken === null
      ? []
      : [
          `The broken database is kept as ${broken}. Save what was written to it since the backup: drydock salvage ${environment}. When nobody needs it: drydock drop-broken ${environment}`,
        ]),
    ...(report.movedSequences.length === 0
      ? []
      : [
          `${plural(report.movedSequences.length, 'sequence')} went on from where the broken database stood, so that no id is given out twice.`,
        ]),
    ...report.subscriptions.map(
      (name) =>
        `The subscription ${name} is not in it, for it would take the changes of the original: drop it in ${broken ?? 'the lost database'} and create it anew.`,
    ),
    ...unfilledLines(report.unfilled),
    ...report.leftovers.map(
      ({ name, sizeBytes }) =>
        `From an earlier restore: ${name} (${formatBytes(sizeBytes)}); drydock drop-broken ${environment} ${name}`,
    ),
    `Verify: drydock health ${environment}`,
    `Roll the code back if needed: drydock rollback ${environment}`,
  ]);
}

/** What a restore under another name did. */
export function renderRestoreBeside(report: RestoreBesideReport): string {
  const { backup, database, restoreMs, unfilled } = report;
  return wrapLines([
    `${backup} is the database ${database} now, compared with its manifest (restored in ${formatDuration(restoreMs)}). Nothing else was changed.`,
    ...unfilledLines(unfilled),
  ]);
}

/** What a restore into an empty database did. */
export function renderRestoreElsewhere(report: RestoreElsewhereReport): string {
  const { backup, environment, into, restoreMs, unfilled } = report;
  return wrapLines([
    `${backup} is in ${into} now, compared with its manifest (restored in ${formatDuration(restoreMs)}). ${environment} itself was not changed: point its applications and its address in the configuration there when you want it to be the live one.`,
    ...unfilledLines(unfilled),
  ]);
}

/** Which tables came back, and where they are. */
export function renderRestoreTables(report: RestoreTablesReport): string {
  const { backup, database, schema, tables } = report;
  return wrapLines([
    `Restored from ${backup} into ${database}, and compared; the live tables are as before:`,
    ...tables.map(({ restoredAs, rows }) => `  ${restoredAs}, ${plural(rows, 'row')}`),
    `They have no indexes and no constraints. When nobody needs them: DROP SCHEMA ${schema} CASCADE;`,
  ]);
}

function unfilledLines(unfilled: readonly UnfilledView[]): string[] {
  return unfilled.map(
    (view) =>
      `The materialised view ${view.name} is empty (${view.reason}). Fill it with: ${fillingStatement(view)}`,
  );
}

function lossLines(loss: LossEstimate): string[] {
  const beware = loss.doubt === null ? [] : [wrapLines([`Beware: ${loss.doubt}.`])];
  if (loss.tables.length === 0) {
    const known = loss.doubt === null ? 'Nothing' : 'Nothing that the statistics show';
    return [`${known} was written since the backup.`, ...beware];
  }
  const rows = loss.tables
    .slice(0, 8)
    .map(({ table: name, inserted, updated, deleted }) =>
      [name, inserted, updated, deleted].map(String),
    );
  return [
    'Written since the backup, and not in it (estimated from the statistics):',
    table(
      [
        { title: 'table' },
        { title: 'inserted', align: 'right' },
        { title: 'updated', align: 'right' },
        { title: 'deleted', align: 'right' },
      ],
      rows,
    ),
    ...(loss.tables.length > 8 ? [`and ${loss.tables.length - 8} tables more`] : []),
    ...beware,
  ];
}
