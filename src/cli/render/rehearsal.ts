// A rehearsal for people: each statement with its time, its rows and whom its locks would block.

import { formatDuration } from '../../core/duration.ts';
import { firstWords } from '../../migration/steps.ts';
import type { RehearsalReport, RehearsedStatement } from '../../rehearsal/report.ts';
import { table } from './text.ts';

/** The report as a table and a closing sentence. */
export function renderRehearsal(report: RehearsalReport): string {
  if (report.statements.length === 0) return 'Rehearsed: the plan has no statement.';
  const rows = report.statements.map((statement) => [
    formatDuration(statement.ms),
    statement.rows === null ? '' : String(statement.rows),
    blockText(statement),
    firstWords(statement.sql, 120),
  ]);
  return [
    `Rehearsed on a copy of ${report.environment}, restored from`,
    `${report.copy.name}:`,
    '',
    table(
      [
        { title: 'time', align: 'right' },
        { title: 'rows', align: 'right' },
        { title: 'blocks' },
        { title: 'statement' },
      ],
      rows,
    ),
    '',
    blockSentence(report),
  ].join('\n');
}

function blockSentence({ longestBlock, totalMs }: RehearsalReport): string {
  const total = `The whole takes ${formatDuration(totalMs)}`;
  return longestBlock === null
    ? `${total}; no lock on a table that existed before blocks anybody.`
    : `${total}; ${longestBlock.relation} is under ${longestBlock.mode} for ${formatDuration(longestBlock.ms)}.`;
}

function blockText({ locks }: RehearsedStatement): string {
  const blocking = locks.filter((lock) => lock.blocks !== 'nothing');
  return blocking.map((lock) => `${lock.blocks} of ${lock.relation}`).join(', ') || '–';
}
