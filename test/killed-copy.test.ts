// kill -9 of a rehearsal whose copy is on a server that the configuration names: the next one drops it.

import { expect, it } from 'vitest';
import { connect } from '../src/postgres/connect.ts';
import { commandProject } from './command.ts';
import { serverAddress, testDatabase } from './database.ts';

it('the copy of a rehearsal that was killed goes with the next one', async () => {
  await using live = await testDatabase({ sql: 'CREATE TABLE users (id int)' });
  const migrations = { '001_a.sql': 'SELECT pg_sleep(600);' };
  const uri = live.address.connectionString();
  await using project = await commandProject({ databases: { dev: uri }, migrations });
  const sandbox = { server: serverAddress().connectionString() };
  const environments = { dev: { url: { env: 'DEV_DATABASE_URL' } } };
  await project.write('drydock.config.json', JSON.stringify({ sandbox, environments }));
  await using server = await connect(serverAddress(), { purpose: 'test' });
  const asleep = async (): Promise<readonly { name: string }[]> =>
    server.query(
      `SELECT datname AS name FROM pg_stat_activity
        WHERE query LIKE '%pg_sleep(600)%' AND datname LIKE 'drydock_copy%'`,
    );
  const rehearsal = project.start(['rehearse', 'dev', '--from', 'schema']);
  await expect.poll(asleep, { timeout: 30_000, interval: 50 }).toHaveLength(1);
  const [copy] = await asleep();
  await rehearsal.signal('SIGKILL');

  await project.write('migrations/001_a.sql', 'ALTER TABLE users ADD COLUMN a int;');
  const { exitCode, stderr } = await project.drydock(['rehearse', 'dev', '--from', 'schema']);
  expect(exitCode, stderr).toBe(0);
  const id = copy?.name.slice(-8);
  const left = 'SELECT datname FROM pg_database WHERE datname ~ $1';
  expect(await server.query(left, [`^drydock.*${id}$`])).toEqual([]);
});
