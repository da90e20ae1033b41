// A rehearsal as one page: everything in it, no network, light and dark, readable without the picture.

import { shortDigest } from '../../core/digest.ts';
import { formatBytes, formatDuration } from '../../core/duration.ts';
import { thousands } from '../../core/thousands.ts';
import { firstWords } from '../../migration/steps.ts';
import { lockSentence, planSentences } from '../../rehearsal/forecast-sentences.ts';
import { queryProblems } from '../../rehearsal/queries/problems.ts';
import type { RehearsalReport } from '../../rehearsal/report.ts';
import { factsOf, type TimedStatement, timelineOf } from '../../rehearsal/report-timeline.ts';
import { escaped } from './html.ts';
import { loadLines } from './rehearsal-load.ts';
import style from './rehearsal-page.css.txt';
import { lockPicture } from './rehearsal-picture.ts';
import { oldCodeLines, queriesLines } from './rehearsal-queries.ts';
import { wayBackLines } from './rehearsal-way-back.ts';

/** The page as HTML. */
export function rehearsalPage(report: RehearsalReport): string {
  const { environment, statements, copy } = report;
  const timeline = timelineOf(statements);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Rehearsal for ${escaped(environment)}</title>
<style>
${style.trim()}
</style>
</head>
<body>
<main>
<h1>Rehearsal for ${escaped(environment)}</h1>
<p>On ${escaped(copy.name)} (${copy.from}), ${escaped(report.endedAt)}, PostgreSQL ${Math.floor(report.serverVersion / 10_000)}. Plan <code>${shortDigest(report.plan ?? '')}</code>.</p>
${verdictPart(report)}
<h2 id="timeline">Statements and locks in time</h2>
<div class="picture">${lockPicture(timeline, report.totalMs)}</div>
<h2>What each statement did</h2>
${statementTable(timeline)}
${forecastPart(report)}
${checkPart(report)}
${tablePart(report)}
${saidParts(report)}
</main>
</body>
</html>
`;
}

function verdictPart(report: RehearsalReport): string {
  const problems = [...(report.problems ?? []), ...queryProblems(report)];
  if (problems.length > 0) {
    return `<div class="verdict bad"><p>Not to be applied as it is:</p>${list(problems)}</div>`;
  }
  return report.forecast?.confidence === 'unknown'
    ? '<p class="verdict">Whether it keeps to the budget is not known: the copy has too few rows to tell.</p>'
    : '<p class="verdict good">Within the budget.</p>';
}

// What the terminal says of the rest, in its own layout.
function saidParts({ queries, wayBack, load, oldCode }: RehearsalReport): string {
  const parts: readonly (readonly [string, readonly string[]])[] = [
    ['Do the queries still work?', queries === undefined ? [] : queriesLines(queries)],
    ['The way back', wayBack === undefined ? [] : wayBackLines(wayBack)],
    ['Under load', load === undefined ? [] : loadLines(load)],
    ['Old code on the new schema', oldCode === undefined ? [] : [oldCodeLines(oldCode)]],
  ];
  return parts
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => `<h2>${title}</h2>\n<pre>${escaped(lines.join('\n'))}</pre>`)
    .join('\n');
}

function statementTable(timeline: readonly TimedStatement[]): string {
  const rows = timeline.map(({ statement, locks }) => [
    `${escaped(statement.migration)}:${statement.line}`,
    `<code>${escaped(firstWords(statement.sql, 160))}</code>`,
    formatDuration(statement.ms),
    locks.length === 0
      ? 'nobody'
      : locks
          .map(
            ({ mode, relation, blocks, ms }) =>
              `${blocks} of ${escaped(relation)}, ${formatDuration(ms)} (${mode})`,
          )
          .join('<br>'),
    factsOf(statement).map(escaped).join('<br>'),
  ]);
  return table(['Place', 'Statement', 'Time', 'Blocks', 'Did'], rows);
}

function forecastPart({ environment, forecast, statements }: RehearsalReport): string {
  if (forecast === undefined) return '';
  const felt = forecast.statements.flatMap(({ locks }, index) => {
    const { migration = '', line = 0 } = statements[index] ?? {};
    return locks.map((lock) => `${migration}:${line} ${lockSentence(lock)}`);
  });
  return `<h2>What ${escaped(environment)} would feel (${forecast.confidence})</h2>
${list([...felt, ...planSentences(forecast)])}`;
}

function checkPart({ check }: RehearsalReport): string {
  const shown = check?.findings.filter(({ verdict }) => verdict !== 'not shown') ?? [];
  if (shown.length === 0) return '';
  const rows = shown.map(({ migration, line, rule, verdict, seen }) =>
    [`${migration}:${line}`, rule, verdict, seen].map(escaped),
  );
  return `<h2>The check, held against it</h2>
${table(['Place', 'Finding', 'Verdict', 'Seen'], rows)}`;
}

function tablePart({ tables = [] }: RehearsalReport): string {
  if (tables.length === 0) return '';
  const rows = tables.map(({ table: name, before, after, isExpected }) => [
    escaped(name),
    before === null ? 'new' : thousands(before.rows),
    after === null ? 'gone' : thousands(after.rows),
    before === null ? '' : formatBytes(before.bytes),
    after === null ? '' : formatBytes(after.bytes),
    isExpected ? '' : '<strong class="lost">rows are gone that no statement names</strong>',
  ]);
  return `<h2>Tables before and after</h2>
${table(['Table', 'Rows before', 'after', 'Size before', 'after', ''], rows)}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (tag: 'th scope="col"' | 'td', row: readonly string[]): string =>
    row.map((cell) => `<${tag}>${cell}</${tag.slice(0, 2)}>`).join('');
  return `<div class="wide"><table><thead><tr>${cells('th scope="col"', head)}</tr></thead>
<tbody>${rows.map((row) => `<tr>${cells('td', row)}</tr>`).join('\n')}</tbody></table></div>`;
}

function list(items: readonly string[]): string {
  return `<ul>${items.map((item) => `<li>${escaped(item)}</li>`).join('\n')}</ul>`;
}
