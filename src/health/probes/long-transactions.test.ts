import { expect, it } from 'vitest';
import { testDatabase } from '../../../test/database.ts';
import { limitsWith, seenBy } from '../../../test/probe.ts';
import { Address } from '../../postgres/address.ts';
import { connect } from '../../postgres/connect.ts';
import { longTransactions } from './long-transactions.ts';

it('sees open transactions with who has them, and not those of a dump', async () => {
  await using database = await testDatabase();
  const idle = await seenBy(database.address, longTransactions);
  expect(longTransactions.describe(idle)).toBe('none open');

  await using open = await connect(database.address, { purpose: 'test' });
  await open.execute("SET application_name = 'shop'; BEGIN; SELECT 1");
  await using dump = await connect(database.address, { purpose: 'test' });
  await dump.execute("SET application_name = 'pg_dump'; BEGIN; SELECT 1");
  const seen = await seenBy(database.address, longTransactions);
  expect(seen.open).toEqual([
    expect.objectContaining({
      pid: open.pid,
      who: expect.stringMatching(/ shop$/),
      state: 'idle in transaction',
    }),
  ]);
  expect(longTransactions.over(seen, limitsWith())).toEqual([]);
  const [first] = longTransactions.over(seen, limitsWith({ longTransactionMs: 0 }));
  expect(first?.text).toMatch(/ shop \(pid \d+, idle in transaction\) is open for /);
  // The same transaction is the same thing in the next sample, however old it is by then.
  const later = await seenBy(database.address, longTransactions);
  const [again] = longTransactions.over(later, limitsWith({ longTransactionMs: 0 }));
  expect(again?.what).toBe(first?.what);
});

it('says that those of other roles are unseen where the role may not see them', async () => {
  await using database = await testDatabase({
    sql: `DO $$ BEGIN CREATE ROLE probe_reader LOGIN PASSWORD 'reader'; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
  });
  await using open = await connect(database.address, { purpose: 'test' });
  await open.execute("SET application_name = 'shop'; BEGIN; SELECT 1");
  const reader = new URL(database.address.connectionString());
  reader.username = 'probe_reader';
  reader.password = 'reader';
  const seen = await seenBy(Address.parse(reader.href), longTransactions);
  expect(seen).toEqual({ open: [], hidden: 1 });
  expect(longTransactions.describe(seen)).toBe('none open; 1 of other roles unseen');
});
