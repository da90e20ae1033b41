// Who judges the judge: it must find nothing where nothing is wrong, and each single thing that is.

import { describe, expect, test } from 'vitest';
import type { Address } from '../../src/postgres/address.ts';
import { connect } from '../../src/postgres/connect.ts';
import { testDatabase } from '../database.ts';
import { type Difference, judge, tally } from './judge.ts';
import type { WrittenTransaction } from './ledger.ts';
import { harmfulMigrations } from './migrations.ts';
import seed from './seed.sql';
import { startWriters, type Writers } from './writers.ts';

describe('the judge', () => {
  test('finds nothing in a database that was only written to, and each harm done to it', async () => {
    await using fresh = await testDatabase({ sql: seed });
    const writers = await startWriters(fresh.address, {});
    await writers.more(300);
    await cutSessions(fresh.address, writers);
    const ledger = await writers.stop();
    expect(ledger.reconnects).toBeGreaterThan(0);
    expect(await judge(fresh.address, ledger)).toEqual([]);
    for (const { sql, kind } of harms) {
      const template = fresh.address.database;
      await using copy = await testDatabase({ template, sql });
      const differences = await judge(copy.address, ledger);
      expect(tally(differences), sql).toEqual({ [kind]: 1 });
    }
  });

  test('knows that an update met one of two equal rows, since the other was taken away for a while', async () => {
    await using fresh = await testDatabase({ sql: seed });
    const ledger = await (await startWriters(fresh.address, {})).stop();
    await using database = await connect(fresh.address, { purpose: 'test' });
    await database.execute(`INSERT INTO notes VALUES (7, 'same'), (7, 'other')`);
    const row = { customer: '7', body: 'same' };
    const update = { kind: 'update', table: 'notes', where: row, set: { body: 'other' } } as const;
    const insert = { kind: 'insert', table: 'notes', row, rows: 1 } as const;
    const transaction = { id: '', outcome: 'acknowledged', schema: 'old', beyond: 0 } as const;
    const written = (rows: number): WrittenTransaction => ({
      ...transaction,
      effects: [insert, insert, { ...update, rows }],
      tickets: [],
    });
    await database.execute(`INSERT INTO writes VALUES ('')`);
    const judged = (rows: number): Promise<Difference[]> =>
      judge(fresh.address, { ...ledger, transactions: [...ledger.transactions, written(rows)] });
    expect(await judged(1)).toEqual([]);
    expect(tally(await judged(2))).toEqual({ 'lost row': 1, 'ghost row': 1 });
  });

  test.each(harmfulMigrations)('sees the harm of: $name', async ({ sql, newCode }) => {
    await using fresh = await testDatabase({ sql: seed });
    const writers = await startWriters(fresh.address, newCode);
    await writers.more(50);
    await applied(fresh.address, sql);
    await writers.more(50);
    const ledger = await writers.stop();
    expect(await judge(fresh.address, ledger)).not.toEqual([]);
    expect(ledger.surprises).toEqual([]);
    const isNew = Object.keys(newCode).some((key) => key !== 'addedTable' && key !== 'addedColumn');
    if (isNew) expect(ledger.transactions.some(({ schema }) => schema === 'new')).toBe(true);
  });
});

// As DISABLE TRIGGER ALL does for all of them.
const disableOneForeignKeyTrigger = `UPDATE pg_trigger SET tgenabled = 'D'
  WHERE oid = (SELECT min(oid) FROM pg_trigger WHERE tgisinternal AND tgrelid = 'orders'::regclass)`;

const harms = [
  {
    sql: 'UPDATE orders SET amount = amount + 1 WHERE id = (SELECT max(id) FROM orders)',
    kind: 'wrong cell',
  },
  { sql: 'UPDATE orders SET note = NULL WHERE id = 7', kind: 'wrong cell' },
  { sql: 'DELETE FROM events WHERE id = (SELECT max(id) FROM events)', kind: 'lost row' },
  { sql: `INSERT INTO "Odd ""Names""" VALUES ('ghost')`, kind: 'ghost row' },
  { sql: 'INSERT INTO notes SELECT * FROM notes LIMIT 1', kind: 'ghost row' },
  { sql: 'DELETE FROM audit WHERE id = (SELECT min(id) FROM audit)', kind: 'lost row' },
  { sql: `SELECT setval('tickets', 1)`, kind: 'sequence' },
  { sql: `SELECT setval('orders_id_seq', 1)`, kind: 'sequence' },
  { sql: 'ALTER TABLE notes REPLICA IDENTITY FULL', kind: 'schema' },
  { sql: 'ALTER TABLE customers DISABLE TRIGGER audit', kind: 'schema' },
  { sql: disableOneForeignKeyTrigger, kind: 'mode' },
] as const;

// What a fence does: every session is cut, some of them during COMMIT.
async function cutSessions(address: Address, writers: Writers): Promise<void> {
  await using database = await connect(address, { purpose: 'test' });
  for (let cut = 0; cut < 5; cut += 1) {
    await database.execute(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'drydock writer'`,
    );
    await writers.more(50);
  }
}

// Against live traffic it may meet deadlocks; then the whole of it is tried again.
async function applied(address: Address, sql: string): Promise<void> {
  await using database = await connect(address, { purpose: 'test' });
  for (;;) {
    try {
      await database.execute(
        `BEGIN; LOCK TABLE customers, orders, drafts, events IN ACCESS EXCLUSIVE MODE; ${sql}; COMMIT`,
      );
      return;
    } catch (failure) {
      await database.execute('ROLLBACK');
      if (!String(failure).includes('deadlock')) throw failure;
    }
  }
}
