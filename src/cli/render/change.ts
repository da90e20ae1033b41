// What became of an apply, for people.

import { formatDuration } from '../../core/duration.ts';
import type { ChangeReport } from '../../process/change-report.ts';
import { renderGates } from './gates.ts';
import { healthSentence } from './health.ts';
import { renderRehearsal } from './rehearsal.ts';
import { wrapLines } from './text.ts';

/** The closing words of `drydock apply`. */
export function renderChange(report: ChangeReport): string {
  const { environment, plan } = report;
  switch (report.outcome) {
    case 'nothing pending':
      return `Nothing is pending in ${environment}.`;
    case 'declined':
      return `Nothing was changed in ${environment}: the question was not answered with yes.`;
    case 'refused': {
      // What an apply brings itself is missed only when it has come so far.
      const closed = report.gates.filter(
        ({ state, openedByApply }) =>
          state === 'closed' && (!openedByApply || report.backup !== null),
      );
      return [
        wrapLines([
          `Nothing was changed in ${environment}: ${closed.map((gate) => gate.id).join(', ')} ${closed.length === 1 ? 'is' : 'are'} closed.`,
        ]),
        '',
        ...(report.rehearsal === null ? [] : [renderRehearsal(report.rehearsal), '']),
        renderGates(report.gates),
      ].join('\n');
    }
    case 'applied':
      return applied(report, plan.migrations);
  }
}

function applied(report: ChangeReport, names: readonly string[]): string {
  const { environment, apply, health, backup, isArmed, harmed } = report;
  const ms = apply?.migrations.reduce((sum, migration) => sum + migration.ms, 0) ?? 0;
  const verb = names.length === 1 ? 'is' : 'are';
  return wrapLines([
    `${names.join(', ')} ${verb} in force in ${environment} (${formatDuration(ms)}).`,
    ...(health === null || health.probes.length === 0 ? [] : [healthSentence(health)]),
    ...(report.rehearsal === null
      ? []
      : report.unlikeRehearsal.length === 0
        ? ['The schema is the one that the rehearsal left.']
        : [
            'The schema is NOT the one that the rehearsal left:',
            ...report.unlikeRehearsal.map((sentence) => `  ${sentence}`),
          ]),
    ...(harmed ? [`The application was healthy before this apply and is not now.`] : []),
    ...(backup === null
      ? []
      : [
          `Next:     drydock deploy ${environment}`,
          isArmed
            ? `Way back: drydock rescue ${environment}, with every later write`
            : `Way back: drydock restore ${environment} ${backup}`,
        ]),
  ]);
}
