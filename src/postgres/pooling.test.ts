import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasPgbouncer, startPool } from '../../test/connection-pool.ts';
import { type TestDatabase, testDatabase } from '../../test/database.ts';
import { connect } from './connect.ts';
import { assertOwnSession } from './pooling.ts';

let fresh: TestDatabase;

beforeAll(async () => {
  fresh = await testDatabase();
});
afterAll(() => fresh.drop());

it('without a pool the server itself answers', async () => {
  await using database = await connect(fresh.address, { purpose: 'test' });
  expect(database.isProxied).toBe(false);
  await assertOwnSession(database);
});

// Needs pgbouncer (Debian: apt-get install pgbouncer).
describe.skipIf(!hasPgbouncer)('a pool', () => {
  it.each([1, 5])('of %i that gives a backend to each transaction is refused', async (size) => {
    await using pool = await startPool(fresh.address, 'transaction', size);
    await using database = await connect(pool.address, { purpose: 'test' });
    await expect(assertOwnSession(database)).rejects.toMatchObject({
      code: 'postgres/transaction-pooling',
      databaseState: 'untouched',
      hint: expect.stringContaining("server's own address"),
    });
  });

  it('that gives a session to each client is as good as the server', async () => {
    await using pool = await startPool(fresh.address, 'session');
    await using database = await connect(pool.address, { purpose: 'test' });
    expect(database.isProxied).toBe(true);
    await assertOwnSession(database);
  });
});
