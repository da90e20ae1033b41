// An UPDATE in batches on a real server: the same rows, in several transactions; and what must not be
// cut into batches.

import { describe, expect, it } from 'vitest';
import { testContext, testDatabase } from '../../../test/database.ts';
import { planOf } from '../../../test/migrations.ts';
import { applyPlan } from '../../apply/apply.ts';
import { connect } from '../../postgres/connect.ts';
import { check } from '../check.ts';
import { fixFile } from './fix-files.ts';

const people = {
  path: '001_people.sql',
  sql: `CREATE TABLE people (id uuid PRIMARY KEY, name text, shown text, age integer);`,
};

async function fixed(sql: string): Promise<string | undefined> {
  const file = { path: './002_change.sql', sql };
  const { findings } = await check([file], { earlier: [people] });
  const own = findings.filter((each) => /without-where|unbatched/.test(each.rule));
  const [done] = await fixFile(file, own, { files: [], earlier: [people] });
  return done?.sql;
}

describe('an UPDATE in batches', () => {
  it('ends in the same rows, written in several transactions', async () => {
    const rows = `INSERT INTO people SELECT gen_random_uuid(), 'name; (' || n, NULL, n FROM generate_series(1, 12000) n;`;
    await using copy = await testDatabase({ sql: people.sql + rows });
    await using database = await connect(copy.address, { purpose: 'batches' });
    const sql = await fixed(
      "UPDATE people SET shown = name || ' (where)', age = 0 WHERE shown IS NULL OR name = 'x';",
    );
    const plan = await planOf({ '002_change': sql ?? '' });
    expect(plan.pending[0]?.migration.steps.map((step) => step.kind)).toEqual(['batch']);
    await applyPlan(testContext(), { address: copy.address, plan, appliedBy: 'me' });
    const [found] = await database.query<{ changed: number; transactions: number }>(
      `SELECT count(*)::int AS changed, count(DISTINCT xmin::text)::int AS transactions
       FROM people WHERE shown = name || ' (where)' AND age = 0`,
    );
    expect(found).toMatchObject({ changed: 12000 });
    expect(found?.transactions).toBeGreaterThan(1);
  });

  it('stands between two transactions where the file had one', async () => {
    const sql = await fixed(
      'BEGIN;\nSELECT 1;\nUPDATE people SET shown = name;\nSELECT 2;\nCOMMIT;',
    );
    expect(sql).toMatch(
      /^BEGIN;\nSELECT 1;\nCOMMIT;\n+-- drydock: batch\nUPDATE people SET shown = name;\n+BEGIN;\nSELECT 2;\nCOMMIT;/,
    );
    expect(
      (await check([{ path: 'a.sql', sql: sql ?? '' }])).findings.map(({ rule }) => rule),
    ).not.toContain('concurrently-in-transaction');
  });

  it('is told nothing by the check, for its rows are locked a few at a time', async () => {
    const sql = `ALTER TABLE people ADD COLUMN b int;
-- drydock: batch
UPDATE people SET b = 1;
-- drydock: batch
UPDATE people SET age = 2 WHERE age IS NULL;`;
    const { findings } = await check([{ path: '002_a.sql', sql }], { earlier: [people] });
    expect(findings.map(({ rule }) => rule).filter((rule) => /backfill|where/.test(rule))).toEqual(
      [],
    );
  });

  it.each([
    'UPDATE people SET age = age + 1;',
    'UPDATE people AS p SET age = random() -- all of them\nWHERE p.name IS NULL;',
    "DELETE FROM people WHERE name LIKE 'test%';",
  ])('is %s with the directive before it, and nothing else', async (sql) => {
    expect(await fixed(sql)).toBe(`-- drydock: batch\n${sql}`);
  });

  it('is not made for other runners, to which the directive says nothing', async () => {
    const file = { path: './002_change.sql', sql: 'UPDATE people SET age = 1;' };
    const { findings } = await check([file], { earlier: [people], runner: 'other' });
    expect(findings.length).toBeGreaterThan(0);
    expect(findings.filter(({ fix }) => JSON.stringify(fix).includes('drydock: batch'))).toEqual(
      [],
    );
  });

  it.each([
    'UPDATE people SET age = (SELECT max(age) FROM people);',
    'UPDATE people SET age = oldest();',
    'UPDATE people SET id = gen_random_uuid();',
    'UPDATE people SET age = 1 FROM strangers s WHERE s.name = people.name;',
    'UPDATE strangers SET age = 1;',
    'DELETE FROM people;',
    'DELETE FROM people WHERE true;',
    'DO $$ BEGIN UPDATE people SET age = 1; END $$;',
  ])('is not made of %s', async (sql) => {
    expect(await fixed(sql)).toBeUndefined();
  });
});
