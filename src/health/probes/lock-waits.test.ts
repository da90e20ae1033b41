import { expect, it } from 'vitest';
import { testDatabase } from '../../../test/database.ts';
import { limitsWith, seenBy } from '../../../test/probe.ts';
import { connect } from '../../postgres/connect.ts';
import { lockWaits } from './lock-waits.ts';

it('counts the sessions that wait for a lock', async () => {
  await using database = await testDatabase({ sql: 'CREATE TABLE users (id int)' });
  const calm = await seenBy(database.address, lockWaits);
  expect(lockWaits.describe(calm)).toBe('nobody waits');

  await using holder = await connect(database.address, { purpose: 'test' });
  await using waiter = await connect(database.address, { purpose: 'test' });
  await holder.execute('BEGIN; LOCK TABLE users');
  const waiting = waiter.execute('SELECT * FROM users');
  await expect.poll(() => seenBy(database.address, lockWaits)).toEqual({ waiting: 1 });
  expect(lockWaits.over({ waiting: 1 }, limitsWith())).toEqual([]);
  expect(lockWaits.over({ waiting: 1 }, limitsWith({ lockWaiters: 0 }))).toHaveLength(1);
  await holder.execute('COMMIT');
  await waiting;
});
