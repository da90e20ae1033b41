// Locks of others: who is waited for and how, what happens when too many wait, what may be ended.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type TestContext,
  type TestDatabase,
  testContext,
  testDatabase,
} from '../../test/database.ts';
import { planOf } from '../../test/migrations.ts';
import { readSteps } from '../history/steps.ts';
import { quoteIdentifier } from '../postgres/address.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { applyPlan } from './apply.ts';
import type { ApplyOptions } from './apply-options.ts';
import type { ApplyReport } from './report.ts';

let fresh: TestDatabase;
let database: Database;
let other: Database;
let context: TestContext;

beforeEach(async () => {
  fresh = await testDatabase({
    sql: `CREATE TABLE users (id int PRIMARY KEY, a int); INSERT INTO users VALUES (1), (2);`,
  });
  database = await connect(fresh.address, { purpose: 'test' });
  other = await connect(fresh.address, { purpose: 'other' });
  context = testContext();
});

afterEach(async () => {
  await other.close();
  await database.close();
  await fresh.drop();
});

const addColumn = 'ALTER TABLE users ADD COLUMN b int;';

async function apply(sql: string, more: Partial<ApplyOptions> = {}): Promise<ApplyReport> {
  const plan = await planOf({ '001_a': sql });
  return applyPlan(context, { address: fresh.address, plan, appliedBy: 'me', ...more });
}

/** Resolves when the apply has said this. */
async function untilSaid(pattern: RegExp): Promise<void> {
  await expect
    .poll(() => context.events.map((event) => ('text' in event ? event.text : '')).join('\n'), {
      timeout: 20_000,
      interval: 10,
    })
    .toMatch(pattern);
}

describe('behind clients that wait for rows which the migration has changed', () => {
  it('takes the lock that they keep from it before it changes rows', async () => {
    let isOver = false;
    const clients = Array.from({ length: 3 }, async () => {
      await using client = await connect(fresh.address, { purpose: 'client' });
      while (!isOver) await client.execute('UPDATE users SET a = 7 WHERE id = 1');
    });
    const sql =
      'BEGIN; UPDATE users SET a = 1; SELECT pg_sleep(0.1); ALTER TABLE users ADD b int; COMMIT;';
    const report = await apply(sql, { policy: { lockPatienceMs: 10_000 } }).finally(() => {
      isOver = true;
    });
    await Promise.all(clients);
    expect(report.migrations[0]?.retries).toBeGreaterThan(0);
    expect(context.events.map((event) => ('text' in event ? event.text : ''))).toContainEqual(
      expect.stringContaining('its holder waited for this change: it is taken first'),
    );
  });
});

describe('behind one old reader', () => {
  it('only looks, names it, and comes in when it has gone', async () => {
    await other.execute('BEGIN; SELECT count(*) FROM users');
    const applying = apply(addColumn);
    await untilSaid(/waits for server process \d+ \(\S+, drydock other, idle in a transaction/);
    await other.execute('COMMIT');
    const report = await applying;
    expect(report.migrations[0]?.retries).toBe(1);
    const [step] = await readSteps(database, '001');
    expect(step).toMatchObject({ outcome: 'done', tries: 2, rows: 0, sqlState: null });
    expect(step?.lockWaitMs).toBeGreaterThan(0);
  });

  it('says in the end who held which table, and records it', async () => {
    await other.execute('BEGIN; SELECT count(*) FROM users');
    await expect(apply(addColumn, { policy: { lockPatienceMs: 100 } })).rejects.toMatchObject({
      code: 'apply/lock-not-obtained',
      databaseState: 'rolled-back',
      message: expect.stringMatching(
        /the lock on users .*server process \d+ \(.*drydock other, idle in a transaction.*SELECT count/,
      ),
      details: { holders: [expect.objectContaining({ pid: other.pid })] },
    });
    expect(await readSteps(database, '001')).toEqual([
      expect.objectContaining({ outcome: 'failed', sqlState: '55P03', step: 1 }),
    ]);
  });

  it('is safe to retry when earlier steps are in force', async () => {
    await other.execute('BEGIN; SELECT count(*) FROM users');
    const sql = `BEGIN; CREATE TABLE c (); COMMIT; ${addColumn}`;
    await expect(apply(sql, { policy: { lockPatienceMs: 100 } })).rejects.toMatchObject({
      code: 'apply/lock-not-obtained',
      databaseState: 'changed',
      stateDetail: '1 of 2 steps of 001_a are in force, the rest is not',
    });
  });

  it('ends one that is idle when the policy says so, and no other', async () => {
    await other.execute('BEGIN; SELECT count(*) FROM users');
    await apply(addColumn, { policy: { endIdleAfterMs: 200 } });
    await untilSaid(/ended server process \d+ .*: it was in the way/);
    await expect(other.query('SELECT 1')).rejects.toThrow();
  });

  it('spares one that is at work, whatever the policy says', async () => {
    await database.execute('SELECT pg_advisory_lock(1)');
    const working = other.execute('BEGIN; SELECT count(*) FROM users; SELECT pg_advisory_lock(1)');
    const waiting = 'SELECT FROM pg_locks WHERE pid = $1 AND NOT granted';
    await expect.poll(() => database.query(waiting, [other.pid])).toHaveLength(1);
    const policy = { endIdleAfterMs: 1, lockPatienceMs: 300 };
    await expect(apply(addColumn, { policy })).rejects.toMatchObject({
      code: 'apply/lock-not-obtained',
    });
    await database.execute('SELECT pg_advisory_unlock(1)');
    await working;
  });

  it('ends nobody when the policy says nothing', async () => {
    await other.execute('BEGIN; SELECT count(*) FROM users');
    await expect(apply(addColumn, { policy: { lockPatienceMs: 300 } })).rejects.toMatchObject({
      code: 'apply/lock-not-obtained',
    });
    expect(await other.query('SELECT FROM users')).toHaveLength(2);
  });
});

describe('a deadlock', () => {
  it('is tried again as a whole', async () => {
    // Only the migration looks for deadlocks, and not before there is one.
    await database.execute(
      `ALTER DATABASE ${quoteIdentifier(fresh.address.database)} SET deadlock_timeout = '3s'`,
    );
    await other.execute("SET deadlock_timeout = '1min'");
    await other.execute('BEGIN; UPDATE users SET a = 1 WHERE id = 1');
    const applying = apply(`UPDATE users SET a = 2 WHERE id = 2;
      UPDATE users SET a = 2 WHERE id = 1;`);
    const waiting = `SELECT FROM pg_stat_activity
      WHERE $1 = ANY (pg_blocking_pids(pid)) AND application_name LIKE 'drydock apply%'`;
    await expect
      .poll(() => database.query(waiting, [other.pid]), { timeout: 20_000, interval: 10 })
      .toHaveLength(1);
    await other.execute('UPDATE users SET a = 1 WHERE id = 2; COMMIT');
    const report = await applying;
    expect(report.migrations[0]?.retries).toBe(1);
    expect(await database.query('SELECT a FROM users')).toEqual([{ a: 2 }, { a: 2 }]);
    const counted = `SELECT deadlocks::int AS n FROM pg_stat_database
      WHERE datname = current_database()`;
    await expect
      .poll(() => database.one(counted), { timeout: 20_000, interval: 50 })
      .toEqual({ n: 1 });
  });
});

describe('any other failure', () => {
  it.each(['40001', '57014', '55006', '23505', '53200'])(
    'is told at once and never tried again: %s',
    async (sqlState) => {
      await database.execute('CREATE SEQUENCE tries');
      const sql = `SELECT nextval('tries');
        DO $$ BEGIN RAISE 'not this time' USING ERRCODE = '${sqlState}'; END $$;`;
      await expect(apply(sql)).rejects.toMatchObject({ databaseState: 'rolled-back' });
      expect(await database.one('SELECT last_value::int AS n FROM tries')).toEqual({ n: 1 });
    },
  );
});

describe('on a table whose readers overlap all the time', () => {
  it('gets its lock all the same, within the ten seconds that it is given', async () => {
    let reading = true;
    const readers = [1, 2, 3].map(async (number) => {
      await using reader = await connect(fresh.address, { purpose: 'reader' });
      while (reading) {
        await reader.query(`SELECT count(*) FROM users; SELECT pg_sleep(0.1 + 0.1 * ${number})`);
      }
    });
    await expect
      .poll(async () => (await database.query(sleeping)).length, { timeout: 20_000, interval: 10 })
      .toBeGreaterThan(1);
    try {
      await apply(addColumn, { policy: { lockPatienceMs: 10_000 } });
    } finally {
      reading = false;
      await Promise.all(readers);
    }
  });

  const sleeping = `SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE relation = 'users'::regclass AND granted AND application_name = 'drydock reader'`;
});

describe('behind somebody who only keeps other DDL away', () => {
  it('waits in a manner that lets readers pass', async () => {
    // As an autovacuum does, which yields only to somebody who has waited for a second.
    await other.execute('BEGIN; LOCK TABLE users IN SHARE UPDATE EXCLUSIVE MODE');
    const applying = apply(addColumn);
    const waiting = `SELECT count(*)::int AS n FROM pg_locks
      WHERE relation = 'users'::regclass AND mode = 'ShareUpdateExclusiveLock' AND NOT granted`;
    const waitingSideways = async (): Promise<number> =>
      (await database.one<{ n: number }>(waiting)).n;
    await expect.poll(waitingSideways, { timeout: 20_000, interval: 10 }).toBe(1);
    // It queues, and a reader is not kept waiting by it.
    await database.query("SET statement_timeout = '5s'; SELECT count(*) FROM users");
    await other.execute('COMMIT');
    await applying;
  });
});

describe('too many sessions behind it', () => {
  it('make it give up its place, and stop in the end with who was in the way', async () => {
    const readers = await Promise.all(
      [1, 2, 3].map(() => connect(fresh.address, { purpose: 'reader' })),
    );
    const sql = 'ALTER TABLE users ADD COLUMN b int; SELECT pg_sleep(60);';
    const applying = apply(sql, { policy: { maxWaiting: 3, lockPatienceMs: 1 } });
    await untilSaid(/line 1: SELECT pg_sleep/);
    const reads = readers.map((reader) => reader.query('SELECT count(*) FROM users'));
    await expect(applying).rejects.toMatchObject({
      code: 'apply/too-many-waiting',
      databaseState: 'rolled-back',
      details: { crowd: 3 },
    });
    await Promise.all(reads);
    await Promise.all(readers.map((reader) => reader.close()));
  });
});

describe('a wait for rows', () => {
  it.each([
    'UPDATE users SET a = 2;',
    "BEGIN; SET LOCAL work_mem = '8MB'; UPDATE users SET a = 2; COMMIT;",
  ])('is patient where nobody queues behind it: %s', async (sql) => {
    await other.execute('BEGIN; UPDATE users SET a = 1 WHERE id = 1');
    const applying = apply(sql);
    await expect
      .poll(
        async () =>
          (
            await database.one<{ n: number }>(
              "SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted",
            )
          ).n,
        { timeout: 20_000, interval: 10 },
      )
      .toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 600));
    await other.execute('COMMIT');
    const report = await applying;
    expect(report.migrations[0]?.retries).toBe(0);
  });
});

describe('CONCURRENTLY', () => {
  const build = 'CREATE INDEX CONCURRENTLY i ON users (a);';

  it('has no lock timeout, and names the transaction that it waits for', async () => {
    await other.execute('BEGIN; UPDATE users SET a = 1 WHERE id = 1');
    const applying = apply(`SET lock_timeout = '10ms'; ${build}`);
    await untilSaid(/waits for server process \d+ \(.*drydock other/);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await other.execute('COMMIT');
    await applying;
  });

  it('ends when its patience is used up, says who was waited for and what is left', async () => {
    await other.execute('BEGIN; UPDATE users SET a = 1 WHERE id = 1');
    const failure = await apply(build, { policy: { concurrentPatienceMs: 100 } }).catch(
      (caught: unknown) => caught,
    );
    expect(failure).toMatchObject({
      code: 'apply/lock-not-obtained',
      message: expect.stringContaining(`server process ${other.pid} `),
      databaseState: 'changed',
      stateDetail:
        'no step of 001_a counts as in force; an invalid index is left, which the next apply takes away',
    });
    await other.execute('COMMIT');
    await apply(build);
    const { valid } = await database.one<{ valid: boolean }>(
      "SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = 'i'::regclass",
    );
    expect(valid).toBe(true);
  });
});
