// A rehearsal for a merge request.

import { formatDuration } from '../../core/duration.ts';
import { firstWords } from '../../migration/steps.ts';
import { lockSentence, planSentences } from '../../rehearsal/forecast-sentences.ts';
import { queryProblems } from '../../rehearsal/queries/problems.ts';
import type { RehearsalReport } from '../../rehearsal/report.ts';
import { factsOf } from '../../rehearsal/report-timeline.ts';

/** The report as Markdown. */
export function rehearsalMarkdown(report: RehearsalReport): string {
  const { environment, copy, forecast, statements, check, totalMs } = report;
  const problems = [...(report.problems ?? []), ...queryProblems(report)];
  const verdict =
    problems.length === 0
      ? `**Within the budget.** ${statements.length} statements, ${formatDuration(totalMs)} on the copy.`
      : ['**Not to be applied as it is:**', '', ...problems.map((each) => `- ${each}`)].join('\n');
  const rows = statements.map((statement) => {
    const blocking = statement.locks.filter(({ blocks }) => blocks !== 'nothing');
    const cells = [
      `${statement.migration}:${statement.line}`,
      code(firstWords(statement.sql, 80)),
      formatDuration(statement.ms),
      blocking
        .map(({ blocks, relation, ms }) => `${blocks} of ${relation}, ${formatDuration(ms)}`)
        .join('; '),
      factsOf(statement).join('; '),
    ];
    return `| ${cells.map(cell).join(' | ')} |`;
  });
  const felt = (forecast?.statements ?? []).flatMap(({ locks }, index) =>
    locks.map((lock) => `- :${statements[index]?.line ?? 0} ${lockSentence(lock)}`),
  );
  const overruled = (check?.findings ?? []).filter(({ verdict: each }) => each === 'overruled');
  return [
    `### Rehearsal for ${environment}`,
    '',
    verdict,
    '',
    '| place | statement | time | blocks | did |',
    '|---|---|---|---|---|',
    ...rows,
    ...(forecast === undefined
      ? []
      : [
          '',
          `What ${environment} would feel (${forecast.confidence}):`,
          '',
          ...felt,
          ...planSentences(forecast).map((sentence) => `- ${sentence}`),
        ]),
    ...(overruled.length === 0 ? [] : ['', 'Findings of the check that the server overruled:', '']),
    ...overruled.map(
      ({ migration, line, rule, seen }) => `- ${migration}:${line} ${rule}: ${seen}`,
    ),
    '',
    `On ${copy.name} (${copy.from}).`,
  ].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

// A code span whose text may hold back-quotes itself.
function code(text: string): string {
  const fence = text.includes('`') ? '``' : '`';
  return `${fence}${text}${fence}`;
}
