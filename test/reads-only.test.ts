// What only looks cannot write: the server of the environment itself refuses it.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect } from '../src/postgres/connect.ts';
import { type CommandProject, commandProject, drydockJson } from './command.ts';
import { type TestDatabase, testDatabase } from './database.ts';

let database: TestDatabase;
let project: CommandProject;

beforeAll(async () => {
  database = await testDatabase({
    sql: `CREATE TABLE users (id int PRIMARY KEY);
          INSERT INTO users SELECT generate_series(1, 100);`,
  });
  project = await commandProject({
    databases: { dev: database.address.connectionString() },
    migrations: { '001_harm.sql': '-- Does harm.\nDELETE FROM users;\nDROP TABLE users;\n' },
  });
  const { failure } = await drydockJson(project, ['backup', 'dev']);
  expect(failure).toBeNull();
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await database.drop();
});

/** Transactions that wrote something, and everything that is in the database. */
async function state(): Promise<object> {
  await using session = await connect(database.address, { purpose: 'test' });
  return await session.one(
    `SELECT (SELECT count(*)::int FROM users) AS users,
            (SELECT count(*)::int FROM pg_class) AS relations,
            (SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::int FROM pg_stat_all_tables
              WHERE schemaname NOT IN ('drydock', 'pg_catalog', 'pg_toast')) AS writes`,
  );
}

const commands = [
  ['check'],
  ['check', '--database', 'dev'],
  ['rehearse', 'dev'],
  ['apply', 'dev', '--dry-run'],
  ['preflight', 'dev'],
  ['status'],
  ['history', 'dev'],
  ['backups', 'dev'],
  ['recover', 'dev'],
];

it.each(commands.map((args) => [args.join(' '), args] as const))(
  '%s writes nothing',
  async (_, args) => {
    const before = await state();
    const { failure } = await drydockJson(project, args);
    expect(failure).toBeNull();
    expect(await state()).toEqual(before);
  },
);

it('a session that reads is refused every write by the server', async () => {
  await using session = await connect(database.address, { purpose: 'test', readOnly: true });
  await expect(session.execute('DELETE FROM users')).rejects.toMatchObject({
    details: { sqlState: '25006' },
  });
  await expect(session.execute('CREATE TABLE t ()')).rejects.toMatchObject({
    details: { sqlState: '25006' },
  });
});
