// What can be taken back, what was, and what is kept for it, in words.

import { formatDuration } from '../../core/duration.ts';
import type { FinalizeReport } from '../../process/finalizing.ts';
import type { UndonePlan, UndoQuestion, UndoReport } from '../../process/undoing.ts';
import { moment } from './moment.ts';
import { plural, wrapLines } from './text.ts';

/** The question before anything is taken back. */
export function renderUndoQuestion({ target, plans }: UndoQuestion): string {
  const { environment, address } = target;
  return [
    '',
    `To be taken back in ${environment.name}, ${address.label}`,
    ...plans.flatMap(planLines),
    '',
  ].join('\n');
}

/** The closing words of `drydock undo`. */
export function renderUndo(report: UndoReport): string {
  const { environment, outcome, plans, notKept, file, ms } = report;
  if (outcome === 'declined') {
    return `Nothing was taken back in ${environment}: the question was not answered with yes.`;
  }
  if (outcome === 'would undo' && plans.length === 0) {
    return wrapLines([
      `Nothing is kept in ${environment} that could be taken back.`,
      ...notKept.map((reason) => `- ${reason}`),
    ]);
  }
  if (outcome === 'would undo') {
    return [`drydock undo ${environment} would take back:`, ...plans.flatMap(planLines)].join('\n');
  }
  const names = plans.flatMap(({ migrations }) => migrations).join(', ');
  const leftOver = plans.reduce((sum, plan) => sum + plan.leftOver, 0);
  return wrapLines([
    `${names} is taken back in ${environment}, in ${formatDuration(ms)}.`,
    ...plans.flatMap(doneLines),
    leftOver === 0
      ? 'Everything else that was written since is kept.'
      : `✗ ${plural(leftOver, 'row')} could not be put back wholly: see ${file ?? 'the journal'}. Everything that was written since is kept.`,
  ]);
}

function planLines(plan: UndonePlan): string[] {
  const { migrations, appliedAt, provenMs, statements, notes } = plan;
  const took = provenMs === null ? '' : `, in ${formatDuration(provenMs)} on the copy`;
  return [
    `  ${migrations.join(', ')}, in force since ${moment(appliedAt)}; proven${took}`,
    ...notes.map(
      ({ table, inserted, updated, deleted }) =>
        `    ${table}: ${updated} changed, ${deleted} deleted, ${inserted} added by it`,
    ),
    ...statements.map((sql) => wrapLines([`- ${sql}`], 4)),
  ];
}

function doneLines({ done }: UndonePlan): string[] {
  const { restored = 0, inserted = 0, deleted = 0, overwritten = 0 } = done;
  if (restored + inserted + deleted + overwritten === 0) return [];
  return [
    `Rows: ${restored} put back, ${inserted} made again, ${deleted} taken away; ${overwritten} written or deleted by others since, and left as they are.`,
  ];
}

/** The closing words of `drydock finalize`. */
export function renderFinalize({ environment, outcome, plans }: FinalizeReport): string {
  switch (outcome) {
    case 'nothing kept':
      return `Nothing is kept for undo in ${environment}.`;
    case 'declined':
      return `Nothing was dropped in ${environment}: the question was not answered with yes.`;
    case 'finalized':
      return wrapLines([
        `What was kept of ${plans.flatMap(({ versions }) => versions).join(', ')} is gone; drydock undo cannot take it back any more.`,
      ]);
  }
}
