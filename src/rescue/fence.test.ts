import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { onServer, serverAddress, type TestDatabase, testDatabase } from '../../test/database.ts';
import { Address } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';
import { closeFence, openFence } from './fence.ts';

const [owner, app] = ['owner', 'app'].map((what) => `${what}_${randomBytes(4).toString('hex')}`);
let live: TestDatabase;

function as(role: string | undefined, database: string): Address {
  const url = new URL(serverAddress().withDatabase(database).connectionString());
  url.username = role ?? '';
  url.password = 'secret';
  return Address.parse(url.href);
}

beforeEach(async () => {
  live = await testDatabase();
  await onServer(
    `CREATE ROLE ${owner} LOGIN PASSWORD 'secret'; CREATE ROLE ${app} LOGIN PASSWORD 'secret';
     GRANT pg_signal_backend TO ${owner}; ALTER DATABASE ${live.address.database} OWNER TO ${owner}`,
  );
});

afterEach(async () => {
  await live.drop();
  await onServer(`DROP ROLE ${owner}; DROP ROLE ${app}`);
});

// The server hides from such a role what other roles' sessions are: they were taken for none.
it('ends the sessions of other roles, though the role may not read statistics', async () => {
  const { database } = live.address;
  await using session = await connect(as(app, database), { purpose: 'test' });
  await using maintenance = await connect(as(owner, 'postgres'), { purpose: 'test' });
  await using ours = await connect(as(owner, database), { purpose: 'test' });
  expect(await closeFence({ maintenance, live: database, ours: [ours.pid] })).toBe(1);
  await expect(session.query('SELECT 1')).rejects.toMatchObject({ code: /^postgres\// });
  await expect(connect(as(app, database), { purpose: 'test' })).rejects.toMatchObject({
    code: 'postgres/closed',
  });
  await openFence(maintenance, database);
  expect(await ours.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
});
