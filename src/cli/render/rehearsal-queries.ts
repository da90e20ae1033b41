// What a rehearsal found about the application's queries, for people.

import { formatDuration } from '../../core/duration.ts';
import { thousands } from '../../core/thousands.ts';
import { firstWords } from '../../migration/steps.ts';
import type {
  AboutStatement,
  CostlierStatement,
  OldCodeResult,
  QueriesReport,
  ResultColumn,
} from '../../rehearsal/queries/report.ts';
import { plural, wrap, wrapLines } from './text.ts';

/** The lines about queries and code in the database. */
export function queriesLines(queries: QueriesReport): readonly string[] {
  const { broken, changedColumns, costlier, notChecked, code } = queries;
  return [
    wrapLines([`Queries: ${summary(queries)}`]),
    ...broken.map((each) => entry('✗', each, each.reason)),
    ...code.broken.map(({ object, reason }) => wrapLines([`✗ ${object}: ${reason}`], 4)),
    ...changedColumns.map((each) =>
      entry('!', each, columnsSentence(each.before, each.after, each.star)),
    ),
    ...costlier.flatMap((each) => [entry('!', each, costSentence(each)), sideBySide(each)]),
    ...notChecked.map((each) => entry('?', each, `not checked: ${each.reason}`)),
    ...code.notChecked.map(({ object, reason }) =>
      wrapLines([`? ${object}: not checked: ${reason}`], 4),
    ),
  ];
}

function summary({ checked, broken, sources, code }: QueriesReport): string {
  const problems = sources.flatMap(({ problem }) => problem ?? []);
  const compiled = code.checked === 0 ? [] : [`views and functions that compile: ${code.checked}`];
  const known =
    checked === 0
      ? 'none was known'
      : `${thousands(checked - broken.length)} of ${thousands(checked)} work as before`;
  return [known, ...compiled, ...problems].join('; ');
}

function entry(mark: string, about: AboutStatement, said: string): string {
  const calls = about.calls === null ? '' : ` (${plural(about.calls, 'call')})`;
  const words = firstWords(about.text, 77 - calls.length);
  return [`${mark} ${words}${calls}`, ...wrap(said, 75).map((line) => `    ${line}`)].join('\n');
}

function columnsSentence(
  before: readonly ResultColumn[],
  after: readonly ResultColumn[],
  star: boolean,
): string {
  const text = ({ name, type }: ResultColumn): string => `${name} ${type}`;
  const old = before.map(text);
  const now = after.map(text);
  const changes = [
    ...old.filter((each) => !now.includes(each)).map((each) => `no ${each}`),
    ...now.filter((each) => !old.includes(each)).map((each) => `${each} is new`),
  ];
  const what = changes.length === 0 ? 'its columns are in another order' : changes.join(', ');
  return star
    ? `returns other columns: ${what}. Sessions that hold it prepared fail once: "cached plan must not change result type".`
    : `returns other columns: ${what}`;
}

function costSentence({ before, after, costAfterAnalyze }: CostlierStatement): string {
  const figure = (cost: number): string => thousands(Math.round(cost));
  const factor = Math.round(after.cost / Math.max(before.cost, 1));
  const stays = costAfterAnalyze >= after.cost / 2;
  return `estimated cost ${figure(before.cost)} before, ${figure(after.cost)} after: ${thousands(factor)} times${
    stays ? '' : `; ${figure(costAfterAnalyze)} after ANALYZE, which belongs at the end of the plan`
  }`;
}

const columnWidth = 37;

// Both plans beside each other, without their figures: the shape is what people compare.
function sideBySide({ before, after }: CostlierStatement): string {
  const lines = (plan: readonly string[]): string[] =>
    plan.flatMap((line) => wrap(line.replace(/ {2}\(cost=.*\)$/, ''), columnWidth));
  const [left, right] = [lines(before.plan), lines(after.plan)];
  const rows = Array.from({ length: Math.max(left.length, right.length) }, (_, at) =>
    `    ${(left[at] ?? '').padEnd(columnWidth)} │ ${right[at] ?? ''}`.trimEnd(),
  );
  return rows.join('\n');
}

/** The lines about the project's own command. */
export function oldCodeLines({ command, exitCode, ms, said }: OldCodeResult): string {
  const took = formatDuration(ms);
  if (exitCode === 0) return wrapLines([`✓ ${command}: status 0 on the new schema, in ${took}`], 4);
  const words = said
    .split('\n')
    .slice(-5)
    .map((line) => `    ${line.slice(0, 75)}`);
  return [
    ...wrapLines([`✗ ${command}: status ${exitCode} on the new schema`], 4).split('\n'),
    ...words,
  ].join('\n');
}
