// Many small migrations at once: what is in force when one of them does not come to be.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TestDatabase, testContext, testDatabase } from '../../test/database.ts';
import { planOf } from '../../test/migrations.ts';
import { install } from '../history/install.ts';
import { readLedger } from '../history/ledger.ts';
import { readSteps } from '../history/steps.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { applyPlan } from './apply.ts';
import type { ApplyReport } from './report.ts';
import { groupsOf } from './together.ts';

let fresh: TestDatabase;
let database: Database;

beforeEach(async () => {
  fresh = await testDatabase({ sql: 'CREATE TABLE users (id int); INSERT INTO users VALUES (1)' });
  database = await connect(fresh.address, { purpose: 'test' });
  await install(database);
});

afterEach(async () => {
  await database.close();
  await fresh.drop();
});

// 001 to 012: a table and its columns, but for what is said otherwise.
function files(others: Readonly<Record<number, string>> = {}): Record<string, string> {
  const names = Array.from({ length: 12 }, (_, index) => index + 1);
  const sql = (n: number): string =>
    others[n] ?? (n === 1 ? 'CREATE TABLE t (id int)' : `ALTER TABLE t ADD COLUMN c${n} int`);
  return Object.fromEntries(names.map((n) => [`${String(n).padStart(3, '0')}_small`, sql(n)]));
}

async function apply(
  others?: Readonly<Record<number, string>>,
  said: string[] = [],
): Promise<ApplyReport> {
  const plan = await planOf(files(others), await readLedger(database));
  const context = {
    ...testContext(),
    emit: (event: { kind: string; label?: string }) => {
      if (event.kind === 'started') said.push(event.label ?? '');
    },
  };
  return applyPlan(context, { address: fresh.address, plan, appliedBy: 'me' });
}

async function inForce(): Promise<number> {
  return (await readLedger(database)).filter(({ state }) => state === 'complete').length;
}

describe('small migrations', () => {
  it('are run together, and recorded one by one', async () => {
    const said: string[] = [];
    const report = await apply({}, said);
    expect(said).toEqual(['run 12 migrations, 001_small to 012_small']);
    expect(await inForce()).toBe(12);
    expect(report.migrations.map(({ version }) => version)).toHaveLength(12);
    expect(report.statements[4]).toMatchObject({ migration: '005_small', line: 1, rows: null });
    const [second] = await readSteps(database, '002');
    const [third] = await readSteps(database, '003');
    expect(third).toMatchObject({ outcome: 'done', tries: 1, runBy: 'me', kind: 'transaction' });
    expect(third?.startedAt).toEqual(second?.endedAt);
  });

  it('before one that fails are in force, and it is told as if it were alone', async () => {
    await expect(
      apply({ 7: '-- what a pity\nALTER TABLE nobody ADD a int' }),
    ).rejects.toMatchObject({
      code: 'apply/rolled-back',
      message: '007_small: relation "nobody" does not exist',
      databaseState: 'changed',
      stateDetail: expect.stringMatching(/001_small, .*006_small are in force/),
      details: { line: 2 },
    });
    expect(await inForce()).toBe(6);
    await apply();
    expect(await inForce()).toBe(12);
  });

  it('wait for a lock in the usual manner when one of them does not get it at once', async () => {
    const other = await connect(fresh.address, { purpose: 'application' });
    await other.execute('BEGIN; LOCK TABLE users');
    const freed = other.query('SELECT pg_sleep(1)').then(() => other.close());
    const report = await apply({ 5: 'ALTER TABLE users ADD COLUMN b int' });
    await freed;
    expect(await inForce()).toBe(12);
    expect(report.migrations[4]).toMatchObject({ version: '005' });
    expect(report.migrations[4]?.retries).toBeGreaterThan(0);
    expect(report.migrations.map(({ version }) => version)).toEqual(
      Object.keys(files()).map((name) => name.slice(0, 3)),
    );
  });

  it('are as far as the ledger says when their session is ended', async () => {
    await database.execute(
      `CREATE FUNCTION end_it() RETURNS event_trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF current_query() ~ 'c9 int' AND to_regclass('t') IS NOT NULL AND EXISTS (
           SELECT FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'c9')
         THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
       END $$;
       CREATE EVENT TRIGGER end_it ON ddl_command_end EXECUTE FUNCTION end_it()`,
    );
    await expect(apply()).rejects.toMatchObject({
      stateDetail: expect.stringMatching(/001_small, .*008_small are in force/),
    });
    expect(await inForce()).toBe(8);
    await database.execute('DROP EVENT TRIGGER end_it');
    await apply();
    expect(await inForce()).toBe(12);
  });
});

describe('the groups', () => {
  const sizes = async (others: Readonly<Record<number, string>>): Promise<number[]> =>
    groupsOf((await planOf(files(others))).pending).map((group) => group.length);

  it.each([
    ['a change of rows', 'UPDATE users SET id = 2'],
    ['a setting', 'SET search_path = public'],
    ['a table of the session', 'CREATE TEMP TABLE x (id int)'],
    ['an index built outside any transaction', 'CREATE INDEX CONCURRENTLY i ON users (id)'],
    ['an assertion', 'ALTER TABLE t ADD d int;\n-- drydock: verify SELECT true'],
    ['two statements', 'ALTER TABLE t ADD d int; ALTER TABLE t ADD e int'],
  ])('leave %s by itself', async (_, sql) => {
    expect(await sizes({ 9: sql })).toEqual([8, 1, 1, 1, 1]);
    expect(await sizes({ 4: sql })).toEqual([1, 1, 1, 1, 8]);
  });

  it('are not worth it for a few', async () => {
    const few = await planOf(Object.fromEntries(Object.entries(files()).slice(0, 7)));
    expect(groupsOf(few.pending).map((group) => group.length)).toEqual(Array(7).fill(1));
  });
});
