// docs/bench.md: its words are written by hand; each bench puts its own figures between its own marks, and
// the table of all goals is made of them.

import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { importSource } from './import-source.mjs';

const path = 'docs/bench.md';
const loadBefore = loadavg()[0];

/**
 * Prints figures, and puts them into the page where `--write` was given.
 *
 * @param subject as in `script/bench SUBJECT`
 * @param lines Markdown
 * @param goals what an issue asked for: `{ goal, measured, isMet }`
 * @param server exact version of PostgreSQL, where there is one
 */
export function tellFigures(subject, { lines, goals = [], server, write = false }) {
  const table =
    goals.length === 0
      ? []
      : [
          '',
          ...tableOf(
            ['', 'goal', 'measured'],
            goals.map(({ goal, measured, isMet }) => [verdict(isMet), goal, measured]),
          ),
        ];
  const text = [conditions(server), '', ...lines, ...table].join('\n');
  console.log(text);
  if (!write) return;
  const page = put(readFileSync(path, 'utf8'), subject, text);
  writeFileSync(path, put(page, 'goals', allGoals(page)));
}

/** A Markdown table; all columns but the first are numbers where `--:` is asked for. */
export function tableOf(head, rows, { numbers = false } = {}) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [
    line(head),
    line(head.map((_, index) => (numbers && index > 0 ? '--:' : '---'))),
    ...rows.map(line),
  ];
}

/** The one in the middle. */
export function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** Milliseconds as people read them; without a decimal from 10 on. */
export function ms(value) {
  if (!Number.isFinite(value)) return 'never';
  return `${value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString('en')} ms`;
}

/** A ratio as people read it. */
export function times(value) {
  return `${value.toFixed(2)} ×`;
}

/** The exact version of a throw-away server. */
export async function versionOf(server) {
  const { connect } = await importSource('src/postgres/connect.ts');
  const session = await connect(server.address('postgres'), { purpose: 'bench' });
  try {
    const { version } = await session.one(
      "SELECT split_part(current_setting('server_version'), ' ', 1) AS version",
    );
    return version;
  } finally {
    await session.close();
  }
}

const verdict = (isMet) => (isMet ? 'met' : '**missed**');

function conditions(server) {
  const [cpu] = cpus();
  const day = new Date().toISOString().slice(0, 10);
  const postgres = server === undefined ? '' : `PostgreSQL ${server}, `;
  return `_${day}: ${postgres}Node.js ${process.versions.node}, ${availableParallelism()} processors (${cpu.model.trim()}), load ${loadBefore.toFixed(1)} before and ${loadavg()[0].toFixed(1)} at the end._`;
}

function put(page, subject, text) {
  const [from, to] = [`<!-- ${subject} -->`, `<!-- /${subject} -->`];
  const [start, end] = [page.indexOf(from), page.indexOf(to)];
  if (start === -1 || end === -1) throw new Error(`${path} has no place for ${subject}`);
  return `${page.slice(0, start + from.length)}\n\n${text}\n\n${page.slice(end)}`;
}

function allGoals(page) {
  const rows = [];
  for (const [, subject, text] of page.matchAll(/<!-- (\w[\w-]*) -->(.*?)<!-- \/\1 -->/gs)) {
    if (subject === 'goals') continue;
    for (const [, isMet, goal, measured] of text.matchAll(
      /^\| (met|\*\*missed\*\*) \| (.*) \| (.*) \|$/gm,
    )) {
      rows.push([isMet, goal, measured, `\`script/bench ${subject}\``]);
    }
  }
  return tableOf(['', 'goal', 'measured', 'by'], rows).join('\n');
}
