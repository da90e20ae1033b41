import { expect, it } from 'vitest';
import { connect } from '../src/postgres/connect.ts';
import { testDatabase } from './database.ts';

it('a test gets a database of its own, made from a template when it names one', async () => {
  await using template = await testDatabase({
    sql: 'CREATE TABLE users AS SELECT generate_series(1, 3) AS id',
  });
  await using copy = await testDatabase({ template: template.address.database });
  await using database = await connect(copy.address, { purpose: 'test' });
  expect(await database.one('SELECT count(*)::int AS users FROM users')).toEqual({ users: 3 });
});
