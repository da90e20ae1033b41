import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { check } from '../../lint/check.ts';
import { exampleOf, given, known } from '../../lint/examples.ts';
import { formats } from '../../lint/formats.ts';
import { rules } from '../../lint/rules.ts';
import { renderFindings } from './findings.ts';

const view = { stream: new PassThrough() as unknown as NodeJS.WriteStream, verbose: false };

async function shown(sql: string, verbose = false): Promise<string> {
  const files = [{ path: '009_example.sql', sql }];
  return renderFindings(await check(files), files, { ...view, verbose });
}

describe('findings for people', () => {
  it('show source, caret, lock, whom it blocks, why, and the safe form', async () => {
    expect(await shown('-- Why it is.\nALTER TABLE users ALTER COLUMN email SET NOT NULL;')).toBe(
      `009_example.sql

  error set-not-null-scans  2:19
    2 | ALTER TABLE users ALTER COLUMN email SET NOT NULL;
      |                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    Looking for NULLs in email locks users against reads and writes until all of
    it is read.
    Lock: ACCESS EXCLUSIVE on users: blocks reads and writes during the scan.
    → CHECK (c IS NOT NULL) NOT VALID; VALIDATE it in another transaction; SET
      NOT NULL; DROP the CHECK in a statement of its own.
      drydock check --fix writes 3 files that do it step by step.

  note 2:1 no-lock-timeout
    Drydock sets a short lock_timeout and tries again; psql would wait without
    end, and everybody behind it.

1 statement in 1 file: 1 error, 0 warnings, 1 note.`,
    );
  });

  it('put the caret below the place, after characters of any width in bytes', async () => {
    const text = await shown('/* größe 🚢 */ DROP TABLE users;');
    const [source = '', caret = ''] = text.split('\n').slice(3, 5);
    expect(Array.from(source)[caret.indexOf('^')]).toBe('D');
  });

  it('fit into 80 columns, whatever the rule', async () => {
    for (const rule of rules) {
      const bad = exampleOf(rule.id, 'bad');
      const report = await check([bad], { earlier: [given], schema: known(bad) });
      const text = renderFindings(report, [bad], { ...view, verbose: true });
      for (const line of text.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
    }
  });

  it('let no control character of a file reach the terminal', async () => {
    expect(await shown('DROP TABLE "\u001b[31mred\u0007"; SELEC \u009b1;')).not.toMatch(
      /[^\P{Cc}\n]/u,
    );
  });

  it('count what a comment allows', async () => {
    expect(await shown('-- drydock: allow truncate because it is a cache\nTRUNCATE t;')).toContain(
      '1 allowed by comment',
    );
  });
});

describe('findings for programs', () => {
  const report = check([{ path: 'a b/1.sql', sql: 'DROP TABLE "größe";\nTRUNCATE t;' }]);

  it('are SARIF 2.1.0 with a rule for each result', async () => {
    const document = JSON.parse(formats.sarif(await report));
    const [run] = document.runs;
    expect(document.version).toBe('2.1.0');
    for (const result of run.results) {
      expect(run.tool.driver.rules[result.ruleIndex].id).toBe(result.ruleId);
    }
    const drop = run.results.find((result: { ruleId: string }) => result.ruleId === 'drop-table');
    expect(drop.locations[0].physicalLocation).toEqual({
      artifactLocation: { uri: 'a%20b/1.sql' },
      region: { startLine: 1, startColumn: 1, endLine: 1, endColumn: 19 },
    });
  });

  it('are workflow commands of GitHub, one a line', async () => {
    const lines = formats.github(await report).split('\n');
    expect(
      lines.every((line) => /^::(error|warning|notice) file=a b\/1\.sql,line=\d+/.test(line)),
    ).toBe(true);
  });

  it('are code quality issues of GitLab with distinct fingerprints', async () => {
    const issues = JSON.parse(formats.gitlab(await report)) as { fingerprint: string }[];
    expect(new Set(issues.map((issue) => issue.fingerprint)).size).toBe(issues.length);
  });

  it('are a Markdown table', async () => {
    expect(formats.markdown(await report)).toContain('| error | `a b/1.sql:1` | `drop-table` |');
    expect(formats.markdown(await check([]))).toBe('No hazards found.');
  });
});
