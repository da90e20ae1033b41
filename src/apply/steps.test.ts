// What must be true before a step counts, what holds from step to step, and what an earlier run of a
// statement outside any transaction has left behind.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TestDatabase, testContext, testDatabase } from '../../test/database.ts';
import { planOf } from '../../test/migrations.ts';
import { install } from '../history/install.ts';
import { readLedger } from '../history/ledger.ts';
import { readSteps, recordBeginning } from '../history/steps.ts';
import { stepDigest } from '../migration/steps.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { readAloneStatement } from './alone-statement.ts';
import { applyPlan } from './apply.ts';
import { lookBefore } from './leavings.ts';
import type { ApplyReport } from './report.ts';

let fresh: TestDatabase;
let database: Database;

beforeEach(async () => {
  fresh = await testDatabase({
    sql: `CREATE TABLE users (id int PRIMARY KEY, a int); INSERT INTO users VALUES (1, 1), (2, 2);
          CREATE TABLE orders (id int, user_id int REFERENCES users ON DELETE CASCADE);
          INSERT INTO orders VALUES (1, 1), (2, 1)`,
  });
  database = await connect(fresh.address, { purpose: 'test' });
  await install(database);
});

afterEach(async () => {
  await database.close();
  await fresh.drop();
});

async function apply(sql: string, resume = false): Promise<ApplyReport> {
  const plan = await planOf({ '001_a': sql }, await readLedger(database));
  return applyPlan(testContext(), { address: fresh.address, plan, appliedBy: 'me', resume });
}

async function count(from: string): Promise<number> {
  return (await database.one<{ n: number }>(`SELECT count(*)::int AS n FROM ${from}`)).n;
}

describe('an assertion', () => {
  it('that is not true takes its transaction back', async () => {
    const sql = `UPDATE users SET a = 7;\n-- drydock: verify SELECT count(*) = 1 FROM users WHERE a = 7`;
    await expect(apply(sql)).rejects.toMatchObject({
      code: 'apply/verification-failed',
      databaseState: 'rolled-back',
      message: expect.stringContaining('did not return true but false'),
      details: { line: 2 },
    });
    expect(await count('users WHERE a = 7')).toBe(0);
  });

  it('that is true lets it pass, and sees what the transaction did', async () => {
    await apply('UPDATE users SET a = 7;\n-- drydock: verify SELECT bool_and(a = 7) FROM users');
    expect(await count('users WHERE a = 7')).toBe(2);
  });

  it('cannot change anything, and the transaction can write after it', async () => {
    const writes = `CREATE FUNCTION f() RETURNS bool LANGUAGE sql AS 'DELETE FROM orders RETURNING true';`;
    await expect(apply(`${writes}\n-- drydock: verify SELECT f()`)).rejects.toMatchObject({
      details: { sqlState: '25006' },
    });
    await apply('SELECT 1;\n-- drydock: verify SELECT true');
    expect(await readLedger(database)).toMatchObject([{ state: 'complete' }]);
  });

  it('behind a statement outside any transaction stops what comes after it', async () => {
    const sql = `CREATE INDEX CONCURRENTLY i ON users (a);\n-- drydock: verify SELECT 1 = 2\nCREATE TABLE b ();`;
    await expect(apply(sql)).rejects.toMatchObject({
      code: 'apply/half-done',
      databaseState: 'changed',
      stateDetail: 'no step of 001_a counts as in force; the statement before its assertion is',
    });
    expect(await readSteps(database, '001')).toMatchObject([{ outcome: 'failed', step: 1 }]);
  });
});

describe('rows of a table that nobody named', () => {
  it('are not deleted: the transaction is taken back, and the tables are named', async () => {
    await expect(apply('DELETE FROM users WHERE id = 1;')).rejects.toMatchObject({
      code: 'apply/unnamed-rows-deleted',
      databaseState: 'rolled-back',
      message: expect.stringContaining('2 of orders'),
      hint: expect.stringContaining('-- drydock: deletes orders'),
    });
    expect([await count('users'), await count('orders')]).toEqual([2, 2]);
  });

  it('may go when the file says so, or names the table', async () => {
    await apply('-- drydock: deletes orders\nDELETE FROM users WHERE id = 1;');
    expect([await count('users'), await count('orders')]).toEqual([1, 0]);
  });

  it('are not mixed up with those of an earlier step, or of a partition', async () => {
    await database.execute(
      `CREATE TABLE events (id int) PARTITION BY RANGE (id);
       CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (9);
       INSERT INTO events VALUES (1), (2)`,
    );
    await apply(
      `BEGIN; DELETE FROM orders WHERE id = 1; DELETE FROM events WHERE id = 1; COMMIT;
       BEGIN; DELETE FROM events WHERE id = 2; INSERT INTO orders VALUES (3, 2); COMMIT;`,
    );
    expect(await count('events')).toBe(0);
  });
});

describe('settings', () => {
  it('of a file hold for its later steps, and nothing that Drydock set does', async () => {
    await apply(
      `CREATE SCHEMA app;
       SET search_path = app;
       CREATE TABLE t (a int);
       CREATE INDEX CONCURRENTLY i ON t (a);
       -- drydock: verify SELECT current_setting('lock_timeout') = '0'
       -- drydock: verify SELECT current_setting('search_path') = 'app'
       SELECT 1;
       -- drydock: verify SELECT current_setting('search_path') = 'app'`,
    );
    expect(await count("pg_indexes WHERE schemaname = 'app'")).toBe(1);
  });

  it('of a role do not end a step: its lock_timeout and statement_timeout are for others', async () => {
    const user = (await database.one<{ name: string }>('SELECT current_user AS name')).name;
    const { database: name } = fresh.address;
    await database.execute(
      `ALTER ROLE ${user} IN DATABASE "${name}" SET statement_timeout = '150ms'`,
    );
    await apply('SELECT pg_sleep(0.4);');
    expect(await readLedger(database)).toMatchObject([{ state: 'complete' }]);
  });

  it('of another role do not keep the ledger from being written', async () => {
    await database.execute('CREATE ROLE step_owner; GRANT CREATE ON SCHEMA public TO step_owner');
    try {
      await apply(
        'SET ROLE step_owner;\nCREATE TABLE owned ();\nCREATE INDEX CONCURRENTLY i ON users (a);',
      ).catch(() => {});
      const { owner } = await database.one<{ owner: string }>(
        "SELECT tableowner AS owner FROM pg_tables WHERE tablename = 'owned'",
      );
      expect(owner).toBe('step_owner');
      expect(await readLedger(database)).toMatchObject([{ state: 'partial', stepsDone: 1 }]);
    } finally {
      await database.execute('DROP OWNED BY step_owner; DROP ROLE step_owner');
    }
  });
});

describe('a statement outside any transaction that was cut off', () => {
  const build = 'CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON users (a)';

  /** Writes that a run began this statement, as if it had been killed right after. */
  async function begun(sql: string): Promise<void> {
    const plan = await planOf({ '001_a': `${sql};` });
    const [step] = plan.pending[0]?.migration.steps ?? [];
    if (step === undefined) throw new Error('no step');
    const before = await lookBefore(database, await readAloneStatement(sql));
    const name = { version: '001', step: 1, kind: 'alone' as const, runBy: 'me' };
    await recordBeginning(database, { ...name, digest: stepDigest(step) }, before);
  }

  async function outcomes(): Promise<string[]> {
    return (await readSteps(database, '001')).map(({ outcome }) => outcome);
  }

  it('and had come to its end counts, and is not run again', async () => {
    await begun(build);
    await database.execute(build);
    const oid = await database.one("SELECT 'i'::regclass::oid AS oid");
    await apply(`${build};`);
    expect(await database.one("SELECT 'i'::regclass::oid AS oid")).toEqual(oid);
    expect(await outcomes()).toEqual(['begun', 'found done']);
  });

  it('and left its index invalid is run again, on a table without that index', async () => {
    await begun(build);
    await database.execute(build);
    await database.execute(
      "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i'::regclass",
    );
    await apply(`${build};`);
    expect(await count("pg_index WHERE indexrelid = 'i'::regclass AND indisvalid")).toBe(1);
  });

  it('is told from an invalid index that somebody else left there', async () => {
    await database.execute(build);
    await database.execute(
      "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i'::regclass",
    );
    await expect(apply(`${build};`)).rejects.toMatchObject({
      code: 'apply/invalid-index',
      message: expect.stringContaining('public.i'),
      hint: expect.stringContaining('DROP INDEX CONCURRENTLY public.i'),
    });
    expect(await readLedger(database)).toEqual([]);
  });

  it('and had detached a partition half-way is finalised', async () => {
    await database.execute(
      `CREATE TABLE parts (id int) PARTITION BY RANGE (id);
       CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (9)`,
    );
    const detach = 'ALTER TABLE parts DETACH PARTITION parts_1 CONCURRENTLY';
    await begun(detach);
    // As a killed one leaves it: the first of its two transactions is over.
    await using other = await connect(fresh.address, { purpose: 'test' });
    await other.execute('BEGIN; SELECT count(*) FROM parts');
    await database.query("SET statement_timeout = '300ms'");
    await expect(database.execute(detach)).rejects.toThrow();
    await database.query('RESET statement_timeout');
    await other.execute('COMMIT');
    expect(await count('pg_inherits WHERE inhdetachpending')).toBe(1);
    await apply(`${detach};`);
    expect(await count("pg_inherits WHERE inhparent = 'parts'::regclass")).toBe(0);
  });

  it('and left copies of indexes is run again without them', async () => {
    const reindex = 'REINDEX TABLE CONCURRENTLY users';
    await begun(reindex);
    await database.execute('CREATE INDEX users_pkey_ccnew ON users (id)');
    await database.execute(
      "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'users_pkey_ccnew'::regclass",
    );
    await apply(`${reindex};`);
    expect(await count('pg_index WHERE NOT indisvalid')).toBe(0);
    expect(await count("pg_class WHERE relname ~ '_ccnew'")).toBe(0);
  });

  it('and left the old indexes beside the new ones is run again without them', async () => {
    const reindex = 'REINDEX TABLE CONCURRENTLY users';
    await begun(reindex);
    // A reader's lock, without a snapshot, stops it where the copies have taken the names.
    await using other = await connect(fresh.address, { purpose: 'test' });
    await other.execute('BEGIN; SELECT count(*) FROM users');
    await database.query("SET statement_timeout = '300ms'");
    await expect(database.execute(reindex)).rejects.toThrow();
    await database.query('RESET statement_timeout');
    await other.execute('COMMIT');
    expect(await count("pg_class WHERE relname ~ '_ccold'")).toBe(1);
    await apply(`${reindex};`);
    expect(await count("pg_class WHERE relname ~ '_cc(new|old)'")).toBe(0);
  });

  it('and cannot be looked at is run again only when a person has looked', async () => {
    const block = 'DO $$ BEGIN UPDATE users SET a = a + 1; COMMIT; END $$';
    await begun(block);
    await expect(apply(`${block};`)).rejects.toMatchObject({
      code: 'apply/outcome-unknown',
      hint: expect.stringMatching(/--resume.*--mark-applied.*--abandon/),
    });
    expect(await count('users WHERE a = 2')).toBe(1);
    await apply(`${block};`, true);
    expect(await count('users WHERE a = 2')).toBe(1);
    expect(await count('users WHERE a = 3')).toBe(1);
  });
});
