import { expect, it } from 'vitest';
import { testDatabase } from '../../../test/database.ts';
import { limitsWith, seenBy } from '../../../test/probe.ts';
import { connect } from '../../postgres/connect.ts';
import { invalidIndexes } from './invalid-indexes.ts';

it('names what a failed CREATE INDEX CONCURRENTLY has left, and not the build at work', async () => {
  await using database = await testDatabase({
    sql: 'CREATE TABLE users AS SELECT 1 AS id FROM generate_series(1, 2)',
  });
  expect(await seenBy(database.address, invalidIndexes)).toEqual([]);
  await using session = await connect(database.address, { purpose: 'test' });
  const failing = session.execute('CREATE UNIQUE INDEX CONCURRENTLY users_id ON users (id)');
  await expect(failing).rejects.toThrow(/could not create unique index/);
  const seen = await seenBy(database.address, invalidIndexes);
  expect(seen).toEqual(['public.users_id']);
  expect(invalidIndexes.over(seen, limitsWith())).toEqual([
    { what: 'public.users_id', text: 'public.users_id is not valid' },
  ]);
  expect(invalidIndexes.over(seen, limitsWith({ invalidIndexes: 1 }))).toEqual([]);
  await session.execute('DROP INDEX users_id');

  await using other = await connect(database.address, { purpose: 'test' });
  await other.execute('BEGIN; INSERT INTO users VALUES (3)');
  const building = session.execute('CREATE INDEX CONCURRENTLY users_id ON users (id)');
  const built = async (): Promise<number> =>
    (await other.one<{ n: number }>('SELECT count(*)::int AS n FROM pg_index WHERE NOT indisvalid'))
      .n;
  await expect.poll(built).toBe(1);
  expect(await seenBy(database.address, invalidIndexes)).toEqual([]);
  await other.execute('COMMIT');
  await building;
});
