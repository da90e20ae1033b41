// The hard cases: what is named is just what is expected, and it is what the server does.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../test/database.ts';
import { observe } from '../../test/observer.ts';
import { connect } from '../postgres/connect.ts';
import { check } from './check.ts';
import { given } from './examples.ts';

let template: TestDatabase;
let major: number;

beforeAll(async () => {
  template = await testDatabase({ name: 'lint_hard', sql: given.sql });
  await using database = await connect(template.address, { purpose: 'hard cases' });
  major = Math.floor(database.version / 10_000);
});

afterAll(async () => {
  await template.drop();
});

interface HardFile {
  readonly sql: string;
  /** Rules at warning or above, in order. */
  readonly finds: readonly string[];
  readonly fails: string | undefined;
  readonly since: number;
}

interface HardCase {
  readonly title: string;
  readonly before: string | undefined;
  readonly files: readonly HardFile[];
}

function casesIn(text: string): HardCase[] {
  const [, ...cases] = text.split(/^-- case: /m);
  return cases.map((each) => {
    const [title = ''] = each.split('\n', 1);
    const [head = '', ...files] = each.split(/^-- file/m);
    const before = head.split('-- given\n')[1];
    return { title, before, files: files.map(hardFile) };
  });
}

function hardFile(text: string): HardFile {
  const end = text.indexOf('\n');
  const line = text.slice(0, end);
  return {
    sql: text.slice(end + 1),
    finds: /; finds ([^;]+)/.exec(line)?.[1]?.split(', ') ?? [],
    fails: /; fails (\w+)/.exec(line)?.[1],
    since: Number(/; since (\d+)/.exec(line)?.[1] ?? 0),
  };
}

const cases = casesIn(readFileSync(new URL('hard-cases.sql', import.meta.url), 'utf8'));

describe.each(cases)('$title', ({ before, files }) => {
  it('is told as it is', async () => {
    if (files.some(({ since }) => since > major)) return;
    const earlier = before === undefined ? [given] : [given, { path: 'before.sql', sql: before }];
    const named = files.map(({ sql }, index) => ({ path: `${index}.sql`, sql }));
    const { findings } = await check(named, { earlier });
    const about = (index: number): typeof findings =>
      findings.filter(({ file }) => file === `${index}.sql`);
    const found = files.map((_, index) =>
      about(index).flatMap(({ severity, rule }) => (severity === 'info' ? [] : [rule])),
    );
    expect(found).toEqual(files.map(({ finds }) => finds));
    await using copy = await testDatabase({ template: 'lint_hard' });
    if (before !== undefined) {
      await using database = await connect(copy.address, { purpose: 'hard cases' });
      await database.execute(before);
    }
    const states = await observe({
      address: copy.address,
      files: named.map(({ sql }, index) => ({ sql, findings: about(index) })),
      ...(before === undefined ? {} : { before }),
    });
    expect(states).toEqual(files.map(({ fails }) => fails));
  });
});
