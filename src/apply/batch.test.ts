import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type TestContext,
  type TestDatabase,
  testContext,
  testDatabase,
} from '../../test/database.ts';
import { planOf } from '../../test/migrations.ts';
import { removePause, writePause } from '../history/batches.ts';
import { install } from '../history/install.ts';
import { readLedger } from '../history/ledger.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { applyPlan } from './apply.ts';
import type { PolicyParts } from './apply-policy.ts';
import type { ApplyReport } from './report.ts';

let fresh: TestDatabase;
let database: Database;
let context: TestContext;

beforeEach(async () => {
  fresh = await testDatabase({
    sql: `CREATE TABLE users (id bigint PRIMARY KEY, email text NOT NULL, lowered text, done_by xid);
          INSERT INTO users SELECT n * 3, 'User' || n || '@X.org' FROM generate_series(1, 5000) n;
          ANALYZE users`,
  });
  database = await connect(fresh.address, { purpose: 'test' });
  context = testContext();
  await install(database);
});

afterEach(async () => {
  await database.close();
  await fresh.drop();
});

async function apply(sql: string, policy: PolicyParts = {}): Promise<ApplyReport> {
  const plan = await planOf({ '001_fill': sql }, await readLedger(database));
  return await applyPlan(context, { address: fresh.address, plan, appliedBy: 'me', policy });
}

async function count(sql: string): Promise<number> {
  return (await database.one<{ n: number }>(`SELECT count(*)::int AS n FROM ${sql}`)).n;
}

function said(text: string): boolean {
  return context.events.some((event) => event.kind === 'progress' && event.text.includes(text));
}

const fill =
  '-- drydock: batch size=1000 pause=0\nUPDATE users SET lowered = lower(email), done_by = pg_current_xact_id()::xid';

describe('a statement in batches', () => {
  it('comes to the same as the statement at once, in several transactions', async () => {
    const report = await apply(`${fill} WHERE id > 300;`);
    expect(report.statements).toEqual([expect.objectContaining({ line: 2, rows: 4900 })]);
    expect(await count('users WHERE lowered = lower(email)')).toBe(4900);
    expect(await count('(SELECT DISTINCT done_by FROM users WHERE id > 300) t')).toBe(5);
    expect(await count('drydock.batches')).toBe(0);
    expect((await readLedger(database))[0]).toMatchObject({ state: 'complete' });
    expect(said('100 %')).toBe(true);
  });

  it('deletes, and inserts from another table, along a key of two columns', async () => {
    await database.execute(
      `CREATE TABLE events (day date, "No" numeric(10, 2), note text, PRIMARY KEY (day, "No"));
       INSERT INTO events SELECT date '2024-01-01' + n % 40, n / 2.0, 'e' FROM generate_series(1, 3000) n;
       CREATE TABLE kept (day date, no numeric)`,
    );
    await apply(
      `SET DateStyle = 'German';
       -- drydock: batch size=700 pause=0
       INSERT INTO kept SELECT day, "No" FROM events ORDER BY 1;
       -- drydock: batch size=700 pause=0
       DELETE FROM events WHERE day >= '2024-01-11';`,
    );
    expect(await count('kept')).toBe(3000);
    expect(await count('events')).toBe(750);
    expect(await count('events JOIN kept USING (day)')).toBeGreaterThan(0);
  });

  it('of an empty table is in force at once', async () => {
    await database.execute('TRUNCATE users');
    expect((await apply(`${fill};`)).statements[0]?.rows).toBe(0);
  });

  it('does not run after rows that are added meanwhile', async () => {
    await database.execute(
      `CREATE FUNCTION add_more() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         INSERT INTO users SELECT max(id) + 1, 'new' FROM users; RETURN NULL; END $$;
       CREATE TRIGGER more AFTER UPDATE ON users FOR EACH STATEMENT EXECUTE FUNCTION add_more()`,
    );
    expect((await apply(`${fill};`)).statements[0]?.rows).toBe(5000);
    expect(await count("users WHERE email = 'new' AND lowered IS NULL")).toBe(5);
  });

  it('waits in the middle of a pause, and goes on after it', async () => {
    await writePause(database, 'ana@laptop');
    const applying = apply(`${fill};`);
    await expect.poll(() => said('paused by ana@laptop')).toBe(true);
    expect(await count('users WHERE lowered IS NOT NULL')).toBe(0);
    await removePause(database);
    expect((await applying).statements[0]?.rows).toBe(5000);
  });

  it('waits for a row that somebody else holds, with smaller batches', async () => {
    await using other = await connect(fresh.address, { purpose: 'test' });
    await other.execute('BEGIN; UPDATE users SET email = email WHERE id = 9000');
    const applying = apply(`${fill};`);
    await expect.poll(() => said('half as large'), { timeout: 20_000 }).toBe(true);
    expect(await count('users WHERE lowered IS NOT NULL')).toBe(2000);
    await other.execute('COMMIT');
    expect((await applying).statements[0]?.rows).toBe(5000);
  });
});

describe('many sessions that wait behind a batch', () => {
  it('make it give up its place, and be smaller', async () => {
    await database.execute(
      `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         PERFORM pg_sleep(0.001); RETURN NEW; END $$;
       CREATE TRIGGER slow BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION slow()`,
    );
    let writing = true;
    const writers = [3, 6, 9].map(async (id) => {
      await using writer = await connect(fresh.address, { purpose: 'writer' });
      while (writing) await writer.query('SELECT FROM users WHERE id = $1 FOR UPDATE', [id]);
    });
    const applying = apply(`${fill};`, { maxWaiting: 3 });
    await expect
      .poll(() => said('3 sessions waited behind a batch'), { timeout: 20_000 })
      .toBe(true);
    writing = false;
    await Promise.all(writers);
    expect((await applying).statements[0]?.rows).toBe(5000);
  }, 60_000);
});

describe('a statement in batches that is stopped', () => {
  const failing = `${fill} WHERE 1 / (id - 9000) IS NOT NULL;`;

  it('says how far it is, and goes on from there', async () => {
    await expect(apply(failing)).rejects.toMatchObject({
      databaseState: 'changed',
      stateDetail: expect.stringContaining('2,000 rows in 2 batches are in force'),
    });
    const before = await count('(SELECT DISTINCT done_by FROM users WHERE lowered IS NOT NULL) t');
    expect(before).toBe(2);
    await database.execute('DELETE FROM users WHERE id = 9000');
    await apply(failing);
    expect(await count('users WHERE lowered IS NULL')).toBe(0);
    // The first two batches were not run again.
    expect(await count('(SELECT DISTINCT done_by FROM users) t')).toBe(before + 3);
  });

  it('begins anew when it was edited', async () => {
    await expect(apply(failing)).rejects.toMatchObject({ databaseState: 'changed' });
    await apply(`${fill};`);
    expect(await count('(SELECT DISTINCT done_by FROM users) t')).toBe(5);
  });

  it('loses no more than the batch at hand when its session is ended', async () => {
    await using other = await connect(fresh.address, { purpose: 'test' });
    await other.execute('BEGIN; UPDATE users SET email = email WHERE id = 9000');
    const applying = apply(`${fill};`).catch((failure: unknown) => failure);
    await expect.poll(() => count('users WHERE lowered IS NOT NULL')).toBe(2000);
    await database.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name LIKE 'drydock apply%'`,
    );
    expect(await applying).toMatchObject({ databaseState: 'changed' });
    await other.execute('COMMIT');
    await apply(`${fill};`);
    expect(await count('(SELECT DISTINCT done_by FROM users) t')).toBe(5);
  });
});

describe('a statement is not run in batches', () => {
  it.each([
    ['without a key', 'CREATE TABLE t (x int)', 'UPDATE t SET x = 1', 'no primary key'],
    ['by a key that may be null', 'CREATE TABLE t (x int UNIQUE)', 'DELETE FROM t', 'may be null'],
    [
      'that changes its key',
      'CREATE TABLE t (x int PRIMARY KEY)',
      'UPDATE t SET x = -x',
      'changes x',
    ],
    [
      'that sums up rows',
      'CREATE TABLE t (x int PRIMARY KEY)',
      'INSERT INTO users SELECT count(*), max(x) FROM t',
      'sums up all rows',
    ],
  ])('%s', async (_, given, sql, why) => {
    await database.execute(given);
    const key = why === 'may be null' ? ' key=x' : '';
    await expect(apply(`-- drydock: batch${key}\n${sql};`)).rejects.toMatchObject({
      databaseState: 'rolled-back',
      message: expect.stringContaining(why),
      details: expect.objectContaining({ line: 2 }),
    });
  });
});
