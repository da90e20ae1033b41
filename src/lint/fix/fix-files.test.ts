// Every fix that is offered for an example: it parses, the finding is gone, nothing worse has come,
// and on a real server it ends in the same schema as the statement that it replaces.

import { describe, expect, it } from 'vitest';
import { testDatabase } from '../../../test/database.ts';
import { splitIntoSteps } from '../../migration/steps.ts';
import { connect } from '../../postgres/connect.ts';
import type { SchemaFact } from '../../postgres/fingerprint.ts';
import { schemaDifference, schemaFacts } from '../../postgres/fingerprint.ts';
import { parseSql } from '../../postgres/parser.ts';
import { check } from '../check.ts';
import { type Example, exampleOf, given, known } from '../examples.ts';
import { rules } from '../rules.ts';
import { fixFile } from './fix-files.ts';

const sources = { files: [], earlier: [given], isWholeHistory: false };

async function fixesOf(example: Example): Promise<{ path: string; sql: string }[]> {
  const { findings } = await check([example], { earlier: [given], schema: known(example) });
  const own = findings.filter((finding) => finding.rule === example.rule && finding.fix !== null);
  return await fixFile({ path: `./${example.rule}.sql`, sql: example.sql }, own, sources);
}

// As Drydock runs them: steps in order, each in its transaction or alone.
async function schemaAfter(files: readonly { sql: string }[]): Promise<SchemaFact[]> {
  await using copy = await testDatabase({ sql: given.sql });
  await using database = await connect(copy.address, { purpose: 'fixes' });
  for (const { sql } of files) {
    const { statements, comments } = await parseSql(sql);
    const place = { file: 'example', line: 1 };
    const { steps } = splitIntoSteps(statements, () => place, comments);
    for (const step of steps) {
      const run = async (): Promise<void> => {
        for (const each of step.statements) await database.execute(each.sql);
      };
      await (step.kind === 'alone' ? run() : database.transaction(run));
    }
  }
  return await schemaFacts(database);
}

// What the server refuses as it stands can be compared with nothing; and of these the end is meant to
// differ.
const otherEnd = new Set([
  // It adds an index that was missing.
  'foreign-key-without-index',
  // The view under the old name stays for a while.
  'rename-breaks-running-code',
  // The new column stands last; nothing else may differ, which the server's own names would hide.
  'column-type-rewrite',
  // Old values stay unchecked: to VALIDATE takes the lock that the fix avoids.
  'domain-constraint-without-not-valid',
  // DETACH … CONCURRENTLY leaves the partition a CHECK of its bounds (manual, ALTER TABLE).
  'detach-partition-without-concurrently',
]);

const withFix: Example[] = [];
for (const rule of rules) {
  const example = exampleOf(rule.id, 'bad');
  if ((await fixesOf(example)).length > 0) withFix.push(example);
}

it('mends the examples of at least 30 rules', () => {
  expect(withFix.length).toBeGreaterThanOrEqual(30);
});

describe.each(withFix)('the fix for $rule', (example) => {
  it('parses, takes the finding away, and brings nothing worse', async () => {
    const fixed = await fixesOf(example);
    const before = await check([example], { earlier: [given], schema: known(example) });
    const after = await check(fixed, { earlier: [given], schema: known(example) });
    expect(after.findings.filter((finding) => finding.rule === example.rule)).toEqual([]);
    const already = new Set(before.findings.map((finding) => finding.rule));
    const worse = after.findings.filter(
      (finding) => finding.severity !== 'info' && !already.has(finding.rule),
    );
    expect(worse).toEqual([]);
  });

  it('is the same in a file with a byte-order mark, Windows lines and letters beyond ASCII', async () => {
    const elsewhere = (sql: string): string => `\uFEFF-- Größe 🚢\n${sql}`.replaceAll('\n', '\r\n');
    const [plain] = await fixesOf(example);
    const [file] = await fixesOf({ ...example, sql: elsewhere(example.sql) });
    expect(file?.sql).toBe(elsewhere(plain?.sql ?? ''));
  });

  it('brings nothing worse inside BEGIN and COMMIT', async () => {
    if (/^(begin|commit|vacuum)\b/im.test(example.sql)) return;
    const own = { ...example, sql: `BEGIN;\n${example.sql}\nCOMMIT;\n` };
    const options = { earlier: [given], schema: known(example) };
    const before = new Set((await check([own], options)).findings.map(({ rule }) => rule));
    const fixed = await fixesOf(own);
    const after = await check(fixed, { earlier: [given], schema: known(example) });
    const worse = after.findings.filter(
      ({ severity, rule }) => severity !== 'info' && !before.has(rule),
    );
    expect(worse).toEqual([]);
  });

  it('keeps the comments of the file', async () => {
    const [file] = await fixesOf(example);
    const comments = example.sql.split('\n').filter((line) => line.startsWith('--'));
    expect(file?.sql.split('\n')).toEqual(expect.arrayContaining(comments));
  });

  it('ends in the same schema', async () => {
    const fixed = await schemaAfter(await fixesOf(example));
    if (example.fails !== undefined || example.rule === 'transaction-in-pieces') return;
    if (otherEnd.has(example.rule)) return;
    const meant = await schemaAfter([example]);
    expect(schemaDifference(meant, fixed)).toEqual([]);
  });
});
