import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TestDatabase, testContext, testDatabase } from '../../test/database.ts';
import { planOf } from '../../test/migrations.ts';
import { applyPlan } from '../apply/apply.ts';
import { install } from '../history/install.ts';
import { connect } from '../postgres/connect.ts';
import { rehearse } from './rehearse.ts';
import type { RehearsalReport } from './report.ts';

let copy: TestDatabase;

beforeEach(async () => {
  copy = await testDatabase({
    sql: 'CREATE TABLE users (id int); INSERT INTO users SELECT generate_series(1, 100)',
  });
  await using database = await connect(copy.address, { purpose: 'test' });
  await install(database);
});

afterEach(() => copy.drop());

async function rehearsalOf(...files: readonly string[]): Promise<RehearsalReport> {
  const plan = await planOf(
    Object.fromEntries(files.map((sql, index) => [`${String(index + 1).padStart(3, '0')}_a`, sql])),
  );
  const context = testContext();
  const { report } = await rehearse(context, {
    plan,
    copy: copy.address,
    origin: { from: 'backup', name: 'pre_migration_20260115_020000.dump', place: 'memory' },
    reader: { locksOf: async () => [], emptiedBy: async () => [] },
    apply: (observer) =>
      applyPlan(context, { address: copy.address, plan, appliedBy: 'me', observer }),
  });
  return report;
}

describe('a rehearsal', () => {
  it('tells the rows of each statement and is bound to its plan', async () => {
    const report = await rehearsalOf('UPDATE users SET id = id + 1 WHERE id <= 40;');
    expect(report.statements.map(({ rows, line }) => [rows, line])).toEqual([[40, 1]]);
    expect(report.plan).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    ['ALTER TABLE users ADD COLUMN a int', 'ACCESS EXCLUSIVE', 'reads and writes'],
    ['CREATE INDEX i ON users (id)', 'SHARE', 'writes'],
    [
      'CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN END $$; CREATE TRIGGER t BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION f()',
      'SHARE ROW EXCLUSIVE',
      'writes',
    ],
    ['DELETE FROM users', 'ROW EXCLUSIVE', 'nothing'],
    ['SELECT * FROM users', 'ACCESS SHARE', 'nothing'],
  ])('sees the lock of %s', async (sql, mode, blocks) => {
    const { statements } = await rehearsalOf(`${sql};`);
    expect(statements.at(-1)?.locks).toMatchObject([{ relation: 'users', mode, blocks }]);
  });

  it('sees locks that are taken inside a DO block', async () => {
    const { statements } = await rehearsalOf(
      "DO $$ BEGIN EXECUTE 'ALTER TABLE users ADD COLUMN a int'; END $$;",
    );
    expect(statements[0]?.locks[0]?.mode).toBe('ACCESS EXCLUSIVE');
  });

  it('counts a lock once, from the statement that takes it to the end', async () => {
    const { statements, longestBlock } = await rehearsalOf(
      'ALTER TABLE users ADD COLUMN a int; SELECT pg_sleep(0.2);',
    );
    expect(statements[1]?.locks).toEqual([]);
    expect(longestBlock).toMatchObject({ relation: 'users', mode: 'ACCESS EXCLUSIVE' });
    expect(longestBlock?.ms).toBeGreaterThan(190);
  });

  it('has no news of the indexes of a table that an earlier statement has closed', async () => {
    const { statements } = await rehearsalOf(
      'CREATE INDEX i ON users (id);',
      'ALTER TABLE users ADD COLUMN a int; ALTER TABLE users ALTER COLUMN id TYPE bigint;',
    );
    expect(statements.at(-1)?.indexBuilds).toMatchObject([{ index: 'i' }]);
    expect(statements.at(-1)?.locks.map(({ relation }) => relation)).toEqual(['users']);
  });

  // The server takes over what a session counted at most once a second.
  it('counts for each transaction what it did, whatever earlier ones left counted', async () => {
    const { statements } = await rehearsalOf(
      'UPDATE users SET id = id + 1; DELETE FROM users WHERE id <= 10;',
      'CREATE TABLE notes AS SELECT id FROM users;',
      'ALTER TABLE users ADD COLUMN a int; UPDATE users SET a = 1 WHERE id <= 40;',
      'INSERT INTO users VALUES (1000); INSERT INTO notes VALUES (1), (2);',
    );
    expect(statements.map(({ changes }) => changes)).toEqual([
      [{ relation: 'users', inserted: 0, updated: 100, deleted: 0 }],
      [{ relation: 'users', inserted: 0, updated: 0, deleted: 9 }],
      [{ relation: 'notes', inserted: 91, updated: 0, deleted: 0 }],
      [],
      [{ relation: 'users', inserted: 0, updated: 30, deleted: 0 }],
      [{ relation: 'users', inserted: 1, updated: 0, deleted: 0 }],
      [{ relation: 'notes', inserted: 2, updated: 0, deleted: 0 }],
    ]);
  });

  it('is not worried by locks on what the migration itself makes', async () => {
    const { longestBlock } = await rehearsalOf('CREATE TABLE a (x int); CREATE INDEX ON a (x);');
    expect(longestBlock).toBeNull();
  });

  it('that fails says so, with the statement', async () => {
    await expect(rehearsalOf('CREATE TABLE a ();\nSELECT 1/0;')).rejects.toMatchObject({
      code: 'rehearsal/failed',
      databaseState: 'untouched',
      details: { line: 2, sqlState: '22012' },
    });
  });
});
