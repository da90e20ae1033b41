// A rehearsal for people: its statements and locks in time, what the environment would feel, and the
// verdict at the end.

import { formatDuration } from '../../core/duration.ts';
import { thousands } from '../../core/thousands.ts';
import { firstWords } from '../../migration/steps.ts';
import { lockSentence, planSentences } from '../../rehearsal/forecast-sentences.ts';
import type { CopyOrigin, RehearsalReport } from '../../rehearsal/report.ts';
import type { JudgedFinding } from '../../rehearsal/report-findings.ts';
import {
  factsOf,
  type Span,
  type TimedStatement,
  timelineOf,
} from '../../rehearsal/report-timeline.ts';
import { loadLines } from './rehearsal-load.ts';
import { oldCodeLines, queriesLines } from './rehearsal-queries.ts';
import { wayBackLines } from './rehearsal-way-back.ts';
import { plural, wrap } from './text.ts';

/** Colours a word of the report. */
type Style = (format: 'red' | 'bold' | 'cyan' | 'dim', text: string) => string;

// Each part of the report that is there, in the order in which they are read.
const sections: readonly ((report: RehearsalReport, style: Style) => readonly string[])[] = [
  timelineLines,
  forecastLines,
  checkLines,
  tableLines,
  ({ queries }) => (queries === undefined ? [] : queriesLines(queries)),
  ({ wayBack, notKept }) => (wayBack === undefined ? [] : wayBackLines(wayBack, notKept)),
  ({ load }) => (load === undefined ? [] : loadLines(load)),
  ({ oldCode }) => (oldCode === undefined ? [] : [oldCodeLines(oldCode)]),
  verdictLines,
];

/** The report for a terminal of 80 columns. */
export function renderRehearsal(report: RehearsalReport, style: Style = (_, text) => text): string {
  if (report.statements.length === 0) return 'Rehearsed: the plan has no statement.';
  const head = `Rehearsed for ${report.environment} on ${originText(report.copy)}.`;
  const parts = sections.map((section) => section(report, style));
  return [
    hanging(head, 0, 2),
    ...parts.filter((lines) => lines.length > 0).map((lines) => lines.join('\n')),
  ].join('\n\n');
}

// What the copy was, in words.
function originText({ from, name, place, rows }: CopyOrigin): string {
  // A clone is called by its address.
  const there = from === 'clone' ? '' : ', on the server for copies';
  const where = { memory: ', in memory', disk: ', on disk', server: there }[place];
  const what = {
    backup: `the restored ${name}`,
    schema: `the schema of ${name}, ${rows === undefined ? 'without rows' : `with at most ${thousands(rows)} rows of each table`}`,
    clone: `a clone, ${name}`,
    template: `a copy of the template ${name}`,
  }[from];
  return `${what}${where}`;
}

const barWidth = 27;
const textWidth = 38;

function timelineLines(report: RehearsalReport, style: Style): readonly string[] {
  const { totalMs, statements } = report;
  const columns = (line: string, text: string, time: string, bar: string): string =>
    `${line.padStart(4)} ${text.padEnd(textWidth)} ${time.padStart(8)} ${bar}`.trimEnd();
  const end = formatDuration(totalMs);
  const lines = [
    style(
      'dim',
      columns('line', 'statement, and whom it blocks', 'time', `0${end.padStart(barWidth - 1)}`),
    ),
  ];
  let migration = '';
  for (const timed of timelineOf(statements)) {
    const { statement, locks } = timed;
    if (statement.migration !== migration) lines.push(style('bold', statement.migration));
    migration = statement.migration;
    const text = firstWords(statement.sql, textWidth);
    lines.push(
      columns(String(statement.line), text, formatDuration(statement.ms), bar('─', timed, totalMs)),
    );
    lines.push(...factLines(timed).map((line) => style('dim', line)));
    for (const lock of locks) {
      const mark = lock.blocks === 'writes' ? '▒' : '█';
      const name = firstWords(`${lock.mode} ${lock.relation}`, textWidth);
      lines.push(columns('', name, formatDuration(lock.ms), bar(mark, lock, totalMs)));
    }
  }
  const legend = style('dim', '     █ blocks reads and writes   ▒ blocks writes   ─ the statement');
  return [...lines, legend];
}

function bar(mark: string, { fromMs, toMs }: Span, totalMs: number): string {
  const at = (ms: number): number => (totalMs === 0 ? 0 : Math.round((ms / totalMs) * barWidth));
  const from = Math.min(at(fromMs), barWidth - 1);
  return `${' '.repeat(from)}${mark.repeat(Math.max(1, at(toMs) - from))}`;
}

function factLines({ statement }: TimedStatement): readonly string[] {
  const facts = factsOf(statement);
  return facts.length === 0 ? [] : hanging(facts.join(' · '), 5, 5).split('\n');
}

function forecastLines(
  { environment, forecast, statements }: RehearsalReport,
  style: Style,
): readonly string[] {
  if (forecast === undefined) return [];
  const felt = forecast.statements.flatMap(({ locks }, index) =>
    locks
      .filter(({ ms, isOverBudget }) => isOverBudget || ms >= leastMs)
      .map((lock) => {
        const text = `${placeOf(statements[index])} ${lockSentence(lock)}`;
        return lock.isOverBudget ? style('red', hanging(`✗ ${text}`, 0, 4)) : hanging(text, 2, 4);
      }),
  );
  const quiet = '  No lock blocks anybody for more than a few milliseconds.';
  const how = {
    measured: 'measured on a copy with as many rows',
    scaled: 'scaled from a copy with fewer or more rows',
    unknown: 'partly unknown: the copy lacks the rows to tell',
  }[forecast.confidence];
  return [
    style('bold', `What ${environment} would feel (${how})`),
    ...(felt.length === 0 ? [quiet] : felt),
    ...planSentences(forecast).map((line) => hanging(line, 2, 4)),
  ];
}

// What is shorter is over before anybody notices.
const leastMs = 5;

function checkLines({ check }: RehearsalReport, style: Style): readonly string[] {
  if (check === undefined) return [];
  const shown = check.findings.filter(({ verdict }) => verdict !== 'not shown');
  if (shown.length + check.unclaimed.length === 0) return [];
  const confirmed = shown.filter(({ verdict }) => verdict === 'confirmed').length;
  const overruled = shown.length - confirmed;
  return [
    style('bold', `The check, held against it: ${confirmed} confirmed, ${overruled} overruled`),
    ...[...confirmedByPlace(shown)].map(([place, rules]) =>
      hanging(`✓ ${place} ${rules.join(', ')}`, 2, 6),
    ),
    ...shown
      .filter(({ verdict }) => verdict === 'overruled')
      .map((finding) =>
        hanging(`– ${placeOf(finding)} ${finding.rule} overruled: ${finding.seen}`, 2, 6),
      ),
    ...check.unclaimed.map((work) =>
      hanging(`! ${placeOf(work)} ${work.seen}, and no finding says so`, 2, 6),
    ),
  ];
}

function confirmedByPlace(findings: readonly JudgedFinding[]): Map<string, string[]> {
  const places = new Map<string, string[]>();
  for (const finding of findings.filter(({ verdict }) => verdict === 'confirmed')) {
    const place = placeOf(finding);
    places.set(place, [...(places.get(place) ?? []), finding.rule]);
  }
  return places;
}

function placeOf(place: { readonly migration: string; readonly line: number } | undefined): string {
  return place === undefined ? '' : `${place.migration}:${place.line}`;
}

function tableLines({ tables = [] }: RehearsalReport, style: Style): readonly string[] {
  const lost = tables.filter(({ lostRows }) => lostRows > 0);
  if (lost.length === 0) return [];
  return [
    style('bold', 'Rows that are gone afterwards'),
    ...lost.map(({ table, lostRows, before, isExpected }) => {
      const rows = `${plural(lostRows, 'row')} of ${thousands(before?.rows ?? 0)}`;
      return isExpected
        ? `  ${table}: ${rows}, as the plan says`
        : style('red', `✗ ${table}: ${rows}, and no statement of the plan names it`);
    }),
  ];
}

function verdictLines(report: RehearsalReport, style: Style): readonly string[] {
  const { problems = [], forecast } = report;
  if (forecast === undefined) return [];
  const budget = formatDuration(forecast.budget.blocksForMs);
  if (problems.length === 0 && forecast.confidence === 'unknown') {
    return [
      hanging(
        `– Whether it keeps to the budget of ${budget} is not known: the copy has too few rows to tell.`,
        0,
        2,
      ),
    ];
  }
  if (problems.length === 0) {
    return [`✓ Within the budget: nothing with traffic is blocked for more than ${budget}.`];
  }
  const isOver = (lock: { readonly isOverBudget: boolean }): boolean => lock.isOverBudget;
  const over = forecast.statements.flatMap(({ locks }) => locks.filter(isOver));
  const others = problems.filter((_, index) => index >= over.length);
  return [
    style('red', `✗ ${plural(problems.length, 'problem')}: not to be applied as it is.`),
    ...(over.length === 0
      ? []
      : [`  ${plural(over.length, 'lock')} over the budget of ${budget}.`]),
    ...others.map((problem) => hanging(`${problem}.`, 2, 4)),
  ];
}

// A text whose first line begins after `first` blanks, and the others after `rest`.
function hanging(text: string, first: number, rest: number): string {
  const [head = '', ...tail] = wrap(text, 79 - Math.max(first, rest));
  return [`${' '.repeat(first)}${head}`, ...tail.map((line) => `${' '.repeat(rest)}${line}`)].join(
    '\n',
  );
}
