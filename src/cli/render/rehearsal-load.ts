// What sessions waited for while the plan ran, for people.

import { formatDuration } from '../../core/duration.ts';
import { thousands } from '../../core/thousands.ts';
import { firstWords } from '../../migration/steps.ts';
import type { LoadFigures, LoadReport } from '../../rehearsal/load/report.ts';
import { plural, table, wrapLines } from './text.ts';

/** The same load without the plan and with it, side by side. */
export function loadLines(load: LoadReport): readonly string[] {
  const { workload, connections, perSecond, failures, notReplayed } = load;
  const row = (name: string, figures: LoadFigures): string[] => [
    name,
    thousands(figures.statements),
    formatDuration(figures.worstMs),
    formatDuration(figures.p99Ms),
    formatDuration(figures.medianMs),
    String(figures.blockedAtOnce),
    String(figures.failed),
  ];
  const right = (title: string): { title: string; align: 'right' } => ({ title, align: 'right' });
  return [
    wrapLines([
      `Under load: ${workload}, ${plural(connections, 'session')}, ${perSecond} a second`,
    ]),
    table(
      [
        { title: 'the load' },
        right('sent'),
        right('worst'),
        right('99 %'),
        right('median'),
        right('blocked at once'),
        right('failed'),
      ],
      [row('without the plan', load.without), row('with the plan', load.with)],
    ),
    ...failures.map(({ message, count }) =>
      wrapLines([`✗ ${plural(count, 'time')}: ${message}`], 4),
    ),
    ...notReplayed.map(({ text, reason }) =>
      [`? ${firstWords(text, 77)}`, `    not replayed: ${reason}`].join('\n'),
    ),
  ];
}
