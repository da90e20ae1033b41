// What became of an apply, for people.

import type { ChangeReport } from '../../change-report.ts';
import { formatDuration } from '../../core/duration.ts';
import { renderGates } from './gates.ts';
import { healthLine } from './health.ts';
import { wrap } from './text.ts';

/** The closing words of `drydock apply`. */
export function renderChange(report: ChangeReport): string {
  const { environment, plan } = report;
  switch (report.outcome) {
    case 'nothing pending':
      return `Nothing is pending in ${environment}.`;
    case 'declined':
      return `Nothing was changed in ${environment}: the question was not answered with yes.`;
    case 'refused': {
      const closed = report.gates.filter((gate) => gate.state === 'closed');
      return [
        `Nothing was changed in ${environment}: ${closed.map((gate) => gate.id).join(', ')} ${closed.length === 1 ? 'is' : 'are'} closed.`,
        '',
        renderGates(report.gates),
      ].join('\n');
    }
    case 'applied':
      return applied(report, plan.migrations);
  }
}

function applied(report: ChangeReport, names: readonly string[]): string {
  const { environment, apply, health, backup } = report;
  const ms = apply?.migrations.reduce((sum, migration) => sum + migration.ms, 0) ?? 0;
  const lines = [
    ...wrap(
      `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} in force in ${environment} (${formatDuration(ms)}).`,
      79,
    ),
    ...(health === null || health.probes.length === 0 ? [] : [healthLine(health)]),
  ];
  if (backup !== null) {
    lines.push(
      `Next:     drydock deploy ${environment}`,
      `Way back: drydock restore ${environment} ${backup}`,
    );
  }
  return lines.join('\n');
}
