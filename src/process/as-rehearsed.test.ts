import { expect, it } from 'vitest';
import { testDatabase } from '../../test/database.ts';
import type { Address } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';
import { keepingSchema, unlikeRehearsal } from './as-rehearsed.ts';

async function run(address: Address, sql: string): Promise<void> {
  await using database = await connect(address, { purpose: 'test' });
  await database.execute(sql);
}

it('what an apply leaves otherwise than the rehearsal is named, and nothing else', async () => {
  const sql = 'CREATE TABLE users (id int); CREATE TABLE logs (id int)';
  await using live = await testDatabase({ sql });
  // As a restore may leave it.
  await using copy = await testDatabase({ sql: `${sql}; COMMENT ON TABLE logs IS 'restored'` });
  const plan = 'ALTER TABLE users ADD COLUMN a int';
  const both = { copy: copy.address, live: live.address };
  const { schema } = await keepingSchema(both, () => run(copy.address, plan));
  await run(live.address, plan);
  expect(await unlikeRehearsal(live.address, schema)).toEqual([]);
  await run(live.address, 'ALTER TABLE users ADD COLUMN b int; CREATE TABLE other (id int)');
  expect((await unlikeRehearsal(live.address, schema)).map(({ sentence }) => sentence)).toEqual([
    'table public.other was added',
    'table public.users is different',
  ]);
});
