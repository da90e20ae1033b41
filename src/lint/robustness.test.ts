// Whatever a file holds, a check ends with findings: never with an exception, and never not at all.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSql } from '../postgres/parser.ts';
import { check } from './check.ts';
import { exampleOf, given } from './examples.ts';
import { applyEdits } from './fix/fix-files.ts';
import { rules } from './rules.ts';

const texts = [
  given.sql,
  ...rules.flatMap((rule) => [exampleOf(rule.id, 'bad').sql, exampleOf(rule.id, 'good').sql]),
];

const mutation = fc.record({
  text: fc.constantFrom(...texts),
  at: fc.nat(4_000),
  removed: fc.nat(12),
  inserted: fc.oneof(
    fc.string({ unit: 'binary', maxLength: 4 }),
    fc.constantFrom(
      "'",
      '"',
      '$$',
      ';',
      '(',
      ')',
      '/*',
      '--',
      '\\',
      '\0',
      '\uFEFF',
      '\r',
      'NOT',
      ',',
      '🚢',
    ),
  ),
});

async function checked(sql: string): Promise<void> {
  const report = await check([{ path: 'fuzz.sql', sql }]);
  const broken = report.findings.filter(({ rule }) => rule === 'syntax-error').length;
  const lines = sql.split(/\r\n|\n|\r/).length;
  for (const finding of report.findings) {
    expect(finding.line).toBeGreaterThanOrEqual(1);
    expect(finding.endLine).toBeLessThanOrEqual(lines);
    expect(finding.endLine * 1e6 + finding.endColumn).toBeGreaterThanOrEqual(
      finding.line * 1e6 + finding.column,
    );
    expect(finding.message).not.toMatch(/undefined|\[object/);
    if (finding.fix?.kind !== 'edit') continue;
    // An edit of what could be read leaves nothing that cannot.
    const fixed = await parseSql(applyEdits(sql, finding.fix.edits));
    expect(fixed.problems.length, `the fix of ${finding.rule}`).toBeLessThanOrEqual(broken);
  }
}

// DRYDOCK_FUZZ_MINUTES=10 looks further than every run can.
const minutes = Number(process.env.DRYDOCK_FUZZ_MINUTES ?? 0);
const effort =
  minutes > 0
    ? { numRuns: Number.MAX_SAFE_INTEGER, interruptAfterTimeLimit: minutes * 60_000 }
    : { numRuns: 400 };

describe('a check', () => {
  it('survives any mutation of real files', { timeout: 120_000 + minutes * 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 3 }), async (mutations) => {
        const sql = mutations
          .map(({ text, at, removed, inserted }) => {
            const place = at % (text.length + 1);
            return text.slice(0, place) + inserted + text.slice(place + removed);
          })
          .join('\n');
        await checked(sql);
      }),
      effort,
    );
  });

  it.each([
    ['nothing', ''],
    ['a byte-order mark alone', '\uFEFF'],
    ['comments alone', '-- nothing\n/* here */'],
    ['binary junk', '\u007fELF\u0002\u0001\0\0\u0003>\0'],
    ['Windows lines', '-- why\r\nDROP TABLE a;\r\nDROP TABLE b;\r\n'],
  ])('of %s ends', async (_, sql) => {
    await checked(sql);
  });

  it('counts Windows lines as lines', async () => {
    const { findings } = await check([
      { path: 'x.sql', sql: '-- why it is\r\n\r\nDROP TABLE a;\r\n' },
    ]);
    expect(findings.find((each) => each.rule === 'drop-table')).toMatchObject({
      line: 3,
      column: 1,
    });
  });

  it('looks through 20,000 drops, in which each may concern every other', async () => {
    const sql = 'DROP VIEW v;\nDROP INDEX i;\n'.repeat(10_000);
    const report = await check([{ path: 'drops.sql', sql }]);
    expect(report.statements).toBe(20_000);
  });

  it('reads 50,000 statements and 20 MB', async () => {
    const value = 'x'.repeat(380);
    const sql = Array.from(
      { length: 50_000 },
      (_, n) => `INSERT INTO t VALUES (${n}, '${value}');`,
    );
    const report = await check([{ path: 'big.sql', sql: `${sql.join('\n')}\nDROP TABLE users;` }]);
    expect(report.statements).toBe(50_001);
    expect(report.findings.find((each) => each.rule === 'drop-table')?.line).toBe(50_001);
  });
});
