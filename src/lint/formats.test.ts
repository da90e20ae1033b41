// What other systems read, held against what they require of it.

import { describe, expect, it } from 'vitest';
import { check } from './check.ts';
import type { CheckReport } from './finding.ts';
import { formats } from './formats.ts';

const sql = `-- Größe 🚢, 100 %: a | b
DROP TABLE "größe 🚢"; DROP TABLE orders;
SELEC 1;
-- drydock: allow drop-table because nobody reads it
DROP TABLE audit;
DELETE FROM users;
DELETE FROM users;
`;

async function report(): Promise<CheckReport> {
  return await check([{ path: 'my migrations/001_größe,a.sql', sql }]);
}

describe('SARIF', () => {
  // The properties that the schema of SARIF 2.1.0 requires, and the rules of its text (3.4, 3.20, 3.27,
  // 3.30, 3.35).
  it('has what the standard requires', async () => {
    const document = JSON.parse(formats.sarif(await report()));
    expect(document.version).toBe('2.1.0');
    const [run] = document.runs;
    expect(run.tool.driver.name).toBe('drydock');
    expect(run.columnKind).toBe('unicodeCodePoints');
    const ids = run.tool.driver.rules.map((rule: { id: string }) => rule.id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const result of run.results) {
      expect(ids[result.ruleIndex]).toBe(result.ruleId);
      expect(['error', 'warning', 'note']).toContain(result.level);
      expect(result.message.text).toMatch(/\S/);
      const { artifactLocation, region } = result.locations[0].physicalLocation;
      expect(artifactLocation.uri).toBe('my%20migrations/001_gr%C3%B6%C3%9Fe,a.sql');
      expect(region.startLine).toBeGreaterThanOrEqual(1);
      expect([region.endLine, region.endColumn] >= [region.startLine, region.startColumn]).toBe(
        true,
      );
    }
  });

  it('counts characters, not units', async () => {
    const { results } = JSON.parse(formats.sarif(await report())).runs[0];
    const places = results
      .filter((each: { ruleId: string }) => each.ruleId === 'drop-table')
      .map(
        (each: { locations: { physicalLocation: { region: unknown } }[] }) =>
          each.locations[0]?.physicalLocation.region,
      );
    expect(places[0]).toEqual({ startLine: 2, startColumn: 1, endLine: 2, endColumn: 21 });
    expect(places[1]).toMatchObject({ startLine: 2, startColumn: 23 });
  });

  it('shows what a comment allows as suppressed, with the reason', async () => {
    const { results } = JSON.parse(formats.sarif(await report())).runs[0];
    const suppressed = results.filter((each: { suppressions?: unknown[] }) => each.suppressions);
    expect(suppressed).toMatchObject([
      {
        ruleId: 'drop-table',
        suppressions: [{ kind: 'inSource', justification: 'nobody reads it' }],
      },
    ]);
  });
});

describe('GitLab', () => {
  it('gets fingerprints that differ, so that it keeps both of two equal statements', async () => {
    const issues = JSON.parse(formats.gitlab(await report()));
    const prints = issues.map((issue: { fingerprint: string }) => issue.fingerprint);
    expect(new Set(prints).size).toBe(prints.length);
    for (const issue of issues) {
      expect(issue).toMatchObject({
        description: expect.stringMatching(/\S/),
        check_name: expect.stringMatching(/^[a-z-]+$/),
        severity: expect.stringMatching(/^(info|minor|major|critical|blocker)$/),
        location: {
          path: 'my migrations/001_größe,a.sql',
          lines: { begin: expect.any(Number), end: expect.any(Number) },
        },
      });
    }
  });
});

describe('GitHub', () => {
  it('gets one command a line, with what would end a property encoded', async () => {
    const lines = formats.github(await report()).split('\n');
    for (const line of lines) {
      expect(line).toMatch(
        /^::(error|warning|notice) file=[^,:]+,line=\d+,endLine=\d+,col=\d+,title=[a-z-]+::\S/,
      );
    }
    expect(lines[0]).toContain('file=my migrations/001_größe%2Ca.sql');
  });
});

describe('Markdown', () => {
  it('is one table with a row for each finding', async () => {
    const checked = await report();
    const [, ...rows] = formats.markdown(checked).split('\n');
    expect(rows).toHaveLength(checked.findings.length + 1);
    for (const row of rows) expect(row.replaceAll('\\|', '').split('|')).toHaveLength(8);
  });
});
