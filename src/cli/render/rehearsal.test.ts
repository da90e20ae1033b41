import { describe, expect, it } from 'vitest';
import { evidence } from '../../../test/promotion.ts';
import type { RehearsalReport } from '../../rehearsal/report.ts';
import type { RehearsedStatement } from '../../rehearsal/statement.ts';
import { renderRehearsal } from './rehearsal.ts';
import { rehearsalMarkdown } from './rehearsal-markdown.ts';
import { rehearsalPage } from './rehearsal-page.ts';

const nothing = {
  transaction: 1,
  truncated: [],
  validated: [],
  notValidated: [],
  changes: [],
  dropped: [],
  temporaryFiles: { count: 0, bytes: 0 },
  newBytes: 0,
};

const statements: readonly RehearsedStatement[] = [
  {
    ...nothing,
    migration: '008_widen',
    line: 3,
    sql: 'ALTER TABLE "a|b<c>" ALTER COLUMN id TYPE bigint',
    ms: 3_000,
    rows: null,
    locks: [
      { relation: '"a|b<c>"', mode: 'ACCESS EXCLUSIVE', blocks: 'reads and writes', ms: 4_000 },
    ],
    rewrites: [{ relation: '"a|b<c>"', bytes: 13_002_342 }],
    scans: [{ relation: '"a|b<c>"', rows: 300_000 }],
    indexBuilds: [],
    walBytes: 12_345_678,
  },
  {
    ...nothing,
    migration: '008_widen',
    line: 4,
    sql: 'CREATE INDEX i ON users (id)',
    ms: 1_000,
    rows: null,
    locks: [{ relation: 'users', mode: 'SHARE', blocks: 'writes', ms: 1_000 }],
    rewrites: [],
    scans: [],
    indexBuilds: [{ index: 'i', relation: 'users' }],
    walBytes: 0,
  },
];

function report(more: Partial<RehearsalReport> = {}): RehearsalReport {
  const { rehearsal } = evidence();
  if (rehearsal === null) throw new Error('the evidence has no rehearsal');
  const lost = { rows: 20, bytes: 8_192 };
  return {
    ...rehearsal,
    statements,
    totalMs: 4_000,
    tables: [{ table: 'orders', before: lost, after: null, lostRows: 20, isExpected: false }],
    ...more,
  };
}

describe('a rehearsal for the terminal', () => {
  it('shows statements and locks as bars over the time of the plan', () => {
    expect(renderRehearsal(report()).split('\n').slice(2, 10)).toEqual([
      'line statement, and whom it blocks              time 0                     4.0 s',
      '008_widen',
      '   3 ALTER TABLE "a|b<c>" ALTER COLUMN id …    3.0 s ────────────────────',
      '     rewrites "a|b<c>" (12.4 MB) · reads 300,000 rows of "a|b<c>" · 11.8 MB of',
      '     WAL',
      '     ACCESS EXCLUSIVE "a|b<c>"                 4.0 s ███████████████████████████',
      '   4 CREATE INDEX i ON users (id)              1.0 s                     ───────',
      '     builds i',
    ]);
  });

  it('stays within 80 columns', () => {
    const widths = renderRehearsal(report())
      .split('\n')
      .map((line) => line.length);
    expect(Math.max(...widths)).toBeLessThanOrEqual(80);
  });

  it('shows rows that are gone as what they are', () => {
    expect(renderRehearsal(report())).toContain(
      '✗ orders: 20 rows of 20, and no statement of the plan names it',
    );
  });
});

const broken = {
  sources: [],
  checked: 1,
  broken: [
    {
      text: 'SELECT mail FROM users',
      from: 'file',
      role: null,
      calls: null,
      reason: 'column "mail" does not exist',
      sqlState: '42703',
    },
  ],
  changedColumns: [],
  costlier: [],
  notChecked: [],
  code: { checked: 0, broken: [], notChecked: [] },
} as const;

it.each([
  ['a page', rehearsalPage],
  ['Markdown', rehearsalMarkdown],
])('as %s is not good while a query is broken', (_, render) => {
  const text = render(report({ problems: [], queries: broken }));
  expect(text).not.toContain('Within the budget');
  expect(text).toMatch(/Not to be applied as it is:[\s\S]*mail[^\n]* does not exist: SELECT mail/);
});

describe('a rehearsal as a page', () => {
  it('needs nothing from elsewhere, and lets no name become markup', () => {
    const page = rehearsalPage(report());
    expect(page).not.toMatch(/(?:src|href|url)\s*[=(]\s*["']?(?:https?:|\/\/)/);
    expect(page).not.toContain('<script');
    expect(page).not.toContain('b<c>');
    expect(page).toContain('&quot;a|b&lt;c&gt;&quot;');
  });

  it('describes its picture for those who cannot see it', () => {
    expect(rehearsalPage(report())).toMatch(
      /<svg [^>]*role="img" aria-labelledby="picture-title picture-text"/,
    );
    expect(rehearsalPage(report())).toContain('2 locks that keep others waiting');
  });
});

describe('a rehearsal in Markdown', () => {
  it('keeps its table whole, whatever names hold', () => {
    const rows = rehearsalMarkdown(report({ problems: ['orders is empty'] }))
      .split('\n')
      .filter((line) => line.startsWith('|'));
    expect(rows.map((row) => row.replaceAll('\\|', '').split('|').length)).toEqual([7, 7, 7, 7]);
  });
});
