// The lock timeline as a picture: a bar for each statement, and below it one for each lock that keeps
// others waiting, from its statement to the end of the transaction.

import { formatDuration } from '../../core/duration.ts';
import { firstWords } from '../../migration/steps.ts';
import type { Span, TimedStatement } from '../../rehearsal/report-timeline.ts';
import { escaped } from './html.ts';

const labelWidth = 384;
const barsWidth = 560;
const rowHeight = 22;
const marginTop = 30;
const legendHeight = 34;

interface Row extends Span {
  readonly label: string;
  readonly kind: 'statement' | 'closed' | 'writes';
}

/** The picture as SVG; its colours are classes of the page. */
export function lockPicture(timeline: readonly TimedStatement[], totalMs: number): string {
  const rows = timeline.flatMap(rowsOf);
  const bottom = marginTop + rows.length * rowHeight;
  const height = bottom + legendHeight;
  const width = labelWidth + barsWidth + 20;
  const x = (ms: number): number =>
    labelWidth + (totalMs === 0 ? 0 : Math.min(1, ms / totalMs) * barsWidth);
  const longest = rows.filter(({ kind }) => kind !== 'statement');
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="picture-title picture-text">
<title id="picture-title">Statements and locks in time</title>
<desc id="picture-text">${escaped(`${timeline.length} statements in ${formatDuration(totalMs)}, ${longest.length} locks that keep others waiting. The table below tells the same.`)}</desc>
<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="writes" width="3" height="6" stroke="none"/></pattern></defs>
${ticks(totalMs, x, bottom)}
${rows.map((row, index) => rowPicture(row, marginTop + index * rowHeight, x)).join('\n')}
${legend(bottom + 14)}
</svg>`;
}

function rowsOf({ statement, locks, fromMs, toMs }: TimedStatement): readonly Row[] {
  const { migration, line, sql } = statement;
  return [
    {
      label: firstWords(`${migration.replace(/_.*/, '')}:${line} ${sql}`, 46),
      kind: 'statement',
      fromMs,
      toMs,
    },
    ...locks.map(
      (lock): Row => ({
        label: firstWords(`${lock.mode} on ${lock.relation}`, 44),
        kind: lock.blocks === 'writes' ? 'writes' : 'closed',
        fromMs: lock.fromMs,
        toMs: lock.toMs,
      }),
    ),
  ];
}

function rowPicture(
  { label, kind, fromMs, toMs }: Row,
  y: number,
  x: (ms: number) => number,
): string {
  const width = Math.max(2, x(toMs) - x(fromMs));
  const place = `x="${x(fromMs).toFixed(1)}" width="${width.toFixed(1)}"`;
  const isStatement = kind === 'statement';
  const bar = isStatement
    ? `<rect class="statement" ${place} y="${y + 7}" height="5" rx="2"/>`
    : `<rect class="${kind}" ${place} y="${y + 3}" height="13" rx="2"${kind === 'writes' ? ' style="fill: url(#hatch)"' : ''}/>`;
  const text = `<text class="${isStatement ? 'sql' : 'soft'}" x="${isStatement ? 0 : 44}" y="${y + 14}">${escaped(label)}</text>`;
  return `<g><title>${escaped(`${label}: ${formatDuration(toMs - fromMs)}`)}</title>${text}${bar}</g>`;
}

function ticks(totalMs: number, x: (ms: number) => number, bottom: number): string {
  return [0, 0.25, 0.5, 0.75, 1]
    .map((share) => {
      const at = x(share * totalMs).toFixed(1);
      const anchor = share === 1 ? 'end' : share === 0 ? 'start' : 'middle';
      return `<line class="grid" x1="${at}" x2="${at}" y1="22" y2="${bottom}"/><text class="soft" x="${at}" y="14" text-anchor="${anchor}">${formatDuration(share * totalMs)}</text>`;
    })
    .join('\n');
}

function legend(y: number): string {
  const entry = (at: number, mark: string, text: string): string =>
    `${mark.replace('AT', String(at))}<text class="soft" x="${at + 30}" y="${y + 11}">${text}</text>`;
  return [
    entry(
      labelWidth,
      `<rect class="closed" x="AT" y="${y}" width="22" height="13" rx="2"/>`,
      'blocks reads and writes',
    ),
    entry(
      labelWidth + 190,
      `<rect class="writes" style="fill: url(#hatch)" x="AT" y="${y}" width="22" height="13" rx="2"/>`,
      'blocks writes',
    ),
    entry(
      labelWidth + 320,
      `<rect class="statement" x="AT" y="${y + 4}" width="22" height="5" rx="2"/>`,
      'runs',
    ),
  ].join('\n');
}
