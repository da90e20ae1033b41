import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TestDatabase, testContext, testDatabase } from '../../test/database.ts';
import { planOf } from '../../test/migrations.ts';
import { install } from '../history/install.ts';
import { type LedgerRow, readLedger } from '../history/ledger.ts';
import type { Plan } from '../migration/plan.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { applyPlan } from './apply.ts';
import type { ApplyOptions } from './apply-options.ts';
import type { ApplyReport } from './report.ts';

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

function apply(plan: Plan, more: Partial<ApplyOptions> = {}): Promise<ApplyReport> {
  return applyPlan(testContext(), { address: fresh.address, plan, appliedBy: 'me', ...more });
}

async function ledger(): Promise<string[]> {
  const rows = await readLedger(database);
  return rows.map(({ name, state, stepsDone, stepsTotal }: LedgerRow) =>
    [name, state, `${stepsDone}/${stepsTotal}`].join(' '),
  );
}

async function exists(relation: string): Promise<boolean> {
  const row = await database.one<{ found: boolean }>(
    'SELECT to_regclass($1) IS NOT NULL AS found',
    [relation],
  );
  return row.found;
}

describe('apply', () => {
  it('runs the statements and writes the ledger', async () => {
    const plan = await planOf({ '001_a': 'CREATE TABLE a (); UPDATE users SET id = 2;' });
    const report = await apply(plan);
    expect(await exists('a')).toBe(true);
    expect(await ledger()).toEqual(['001_a complete 1/1']);
    expect(report.plan).toBe(plan.digest);
    expect(report.statements.map(({ line, rows }) => [line, rows])).toEqual([
      [1, null],
      [1, 1],
    ]);
  });

  it('leaves neither change nor ledger row of a migration whose last statement fails', async () => {
    const plan = await planOf({
      '001_a': 'BEGIN;\nCREATE TABLE a ();\nSELECT nothing_here;\nCOMMIT;',
    });
    await expect(apply(plan)).rejects.toMatchObject({
      code: 'apply/rolled-back',
      databaseState: 'rolled-back',
      message: '001_a: column "nothing_here" does not exist',
      details: { sqlState: '42703', line: 3, position: 8, statement: 'SELECT nothing_here' },
    });
    expect(await exists('a')).toBe(false);
    expect(await ledger()).toEqual([]);
  });

  it('says which migrations of the plan are in force when a later one fails', async () => {
    const plan = await planOf({ '001_a': 'CREATE TABLE a ();', '002_b': 'SELECT 1/0;' });
    await expect(apply(plan)).rejects.toMatchObject({
      code: 'apply/rolled-back',
      databaseState: 'changed',
      stateDetail: expect.stringMatching(/^001_a is in force .*; the one after was rolled back$/),
    });
    expect(await ledger()).toEqual(['001_a complete 1/1']);
  });

  it('goes on from the step that failed', async () => {
    const broken = {
      '001_a':
        'CREATE TABLE a (x int);\nCREATE INDEX CONCURRENTLY i ON a (x);\nALTER TABLE users ADD COLUMN id int;',
    };
    await expect(apply(await planOf(broken))).rejects.toMatchObject({
      code: 'apply/half-done',
      databaseState: 'changed',
      stateDetail: '2 of 3 steps of 001_a are in force, the rest is not',
    });
    expect(await ledger()).toEqual(['001_a partial 2/3']);
    await database.execute('ALTER TABLE users DROP COLUMN id');
    await apply(await planOf(broken, await readLedger(database)));
    expect(await ledger()).toEqual(['001_a complete 3/3']);
  });

  it('builds an index anew where an invalid one was left behind', async () => {
    await database.execute('INSERT INTO users VALUES (1)');
    const sql = 'CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON users (id);';
    const plan = await planOf({ '001_a': sql });
    await expect(apply(plan)).rejects.toMatchObject({ details: { sqlState: '23505' } });
    await database.execute('DELETE FROM users');
    await apply(plan);
    const { valid } = await database.one<{ valid: boolean }>(
      "SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = 'i'::regclass",
    );
    expect(valid).toBe(true);
  });

  it('counts a file of comments as a migration', async () => {
    await apply(await planOf({ '001_a': '-- nothing to do here\n' }));
    expect(await ledger()).toEqual(['001_a complete 1/1']);
  });

  it('does not let settings of one migration reach the next', async () => {
    await apply(
      await planOf({
        '001_a': 'CREATE SCHEMA elsewhere; SET search_path = elsewhere;',
        '002_b': 'CREATE TABLE b ();',
      }),
    );
    expect(await exists('public.b')).toBe(true);
  });
});

describe('apply beside other sessions', () => {
  it('gets its lock when the other session lets go', async () => {
    await using other = await connect(fresh.address, { purpose: 'test' });
    await other.execute('BEGIN; SELECT * FROM users');
    const plan = await planOf({ '001_a': 'ALTER TABLE users ADD COLUMN a int;' });
    const applying = apply(plan);
    await wait(400);
    await other.execute('COMMIT');
    const report = await applying;
    expect(report.migrations[0]?.retries).toBeGreaterThan(0);
  });

  it('lets readers pass while somebody else holds the table', async () => {
    await using holder = await connect(fresh.address, { purpose: 'test' });
    await using reader = await connect(fresh.address, { purpose: 'test' });
    await holder.execute('BEGIN; SELECT * FROM users');
    const applying = apply(await planOf({ '001_a': 'ALTER TABLE users ADD COLUMN a int;' }));
    // While the ALTER waits in the queue readers wait behind it; it must leave the queue by itself.
    for (let read = 0; read < 20; read += 1) {
      await reader.query('SELECT count(*) FROM users');
      await wait(20);
    }
    await holder.execute('COMMIT');
    await applying;
  });

  it('gives up with nothing changed when its patience is used up', async () => {
    await using other = await connect(fresh.address, { purpose: 'test' });
    await other.execute('BEGIN; SELECT * FROM users');
    const plan = await planOf({
      '001_a': 'CREATE TABLE a (); ALTER TABLE users ADD COLUMN a int;',
    });
    await expect(apply(plan, { policy: { lockPatienceMs: 300 } })).rejects.toMatchObject({
      code: 'apply/lock-not-obtained',
      databaseState: 'rolled-back',
    });
    expect(await exists('a')).toBe(false);
  });

  it('cancels the running statement and rolls back when it is interrupted', async () => {
    const context = testContext();
    const plan = await planOf({ '001_a': 'CREATE TABLE a (); SELECT pg_sleep(60);' });
    const applying = applyPlan(context, { address: fresh.address, plan, appliedBy: 'me' });
    setTimeout(() => context.abort(), 500);
    await expect(applying).rejects.toMatchObject({
      code: 'interrupted',
      databaseState: 'rolled-back',
    });
    expect(await exists('a')).toBe(false);
  });

  it('tells the truth when the server ends its session', async () => {
    const plan = await planOf({ '001_a': 'CREATE TABLE a (); SELECT pg_sleep(60);' });
    const applying = apply(plan);
    const ended = applying.catch((failure: unknown) => failure);
    await wait(500);
    await database.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'drydock apply 001_a'`,
    );
    expect(await ended).toMatchObject({ databaseState: 'rolled-back' });
    expect(await ledger()).toEqual([]);
  });
});
