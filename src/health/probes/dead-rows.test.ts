import { expect, it } from 'vitest';
import { testDatabase } from '../../../test/database.ts';
import { limitsWith, seenBy } from '../../../test/probe.ts';
import { deadRows } from './dead-rows.ts';

it('finds tables that are mostly dead rows', async () => {
  await using database = await testDatabase({
    sql: `CREATE TABLE users (id int) WITH (autovacuum_enabled = off);
          INSERT INTO users SELECT generate_series(1, 120000);`,
  });
  expect(deadRows.describe(await seenBy(database.address, deadRows))).toBe('few');
  await using emptied = await testDatabase({
    sql: `CREATE TABLE users (id int) WITH (autovacuum_enabled = off);
          INSERT INTO users SELECT generate_series(1, 120000);
          DELETE FROM users WHERE id > 1000;`,
  });
  await expect
    .poll(() => seenBy(emptied.address, deadRows), { timeout: 20_000 })
    .toEqual([{ table: 'public.users', dead: 119_000, share: expect.closeTo(0.99, 2) }]);
  const seen = await seenBy(emptied.address, deadRows);
  expect(deadRows.over(seen, limitsWith())).toEqual([
    { what: 'public.users', text: '119,000 in public.users, 99% of it' },
  ]);
  expect(deadRows.over(seen, limitsWith({ deadRows: 1 }))).toEqual([]);
});
