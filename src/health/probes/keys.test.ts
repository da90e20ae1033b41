import { expect, it } from 'vitest';
import { testDatabase } from '../../../test/database.ts';
import { limitsWith, seenBy } from '../../../test/probe.ts';
import { connect } from '../../postgres/connect.ts';
import { keys } from './keys.ts';

it('finds the sequences and integer keys that are nearly used up', async () => {
  await using database = await testDatabase({
    sql: `CREATE TABLE orders (id serial PRIMARY KEY);
          SELECT setval('orders_id_seq', 1900000000);
          CREATE TABLE tickets (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
          SELECT setval('tickets_id_seq', 1900000000);
          CREATE SEQUENCE turns MAXVALUE 10 CYCLE; SELECT setval('turns', 9);
          CREATE TABLE imported (id int PRIMARY KEY);
          INSERT INTO imported SELECT 2000000000 + i FROM generate_series(1, 1000) i;
          ANALYZE imported;`,
  });
  const seen = await seenBy(database.address, keys);
  expect(seen.slice(0, 2).map(({ name }) => name)).toEqual([
    'public.imported.id',
    'public.orders_id_seq',
  ]);
  expect(keys.describe(seen)).toBe('fullest public.imported.id, 93% used');
  expect(keys.over(seen, limitsWith())).toEqual([
    { what: 'public.imported.id', text: 'public.imported.id has used 93%' },
    { what: 'public.orders_id_seq', text: 'public.orders_id_seq has used 88%' },
  ]);
});

it('does not wait for a sequence that is locked', async () => {
  await using database = await testDatabase({ sql: "CREATE SEQUENCE s; SELECT nextval('s')" });
  await using session = await connect(database.address, { purpose: 'test' });
  await session.execute('BEGIN; ALTER SEQUENCE s RENAME TO t');
  expect(await seenBy(database.address, keys)).toEqual([]);
  await session.execute('ROLLBACK');
});
