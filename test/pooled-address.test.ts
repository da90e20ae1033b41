// An environment behind pgbouncer. With a session of the server for each client everything works; with one
// for each transaction nothing is changed, and nothing is left on sessions that the application gets next.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../src/postgres/connect.ts';
import { type CommandProject, commandProject, drydockJson, expectFailure } from './command.ts';
import { type ConnectionPool, hasPgbouncer, startPool } from './connection-pool.ts';
import { type TestDatabase, testDatabase } from './database.ts';

let database: TestDatabase;
let project: CommandProject;
let pool: ConnectionPool;

beforeAll(async () => {
  database = await testDatabase({ sql: 'CREATE TABLE users (id int PRIMARY KEY)' });
  project = await commandProject({
    databases: { dev: database.address.connectionString() },
    migrations: { '001_age.sql': 'ALTER TABLE users ADD COLUMN age int;\n' },
  });
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await database.drop();
});

const through = (): NodeJS.ProcessEnv => ({ DEV_DATABASE_URL: pool.address.connectionString() });

// Needs pgbouncer (Debian: apt-get install pgbouncer).
describe.skipIf(!hasPgbouncer)('with a session for each transaction', () => {
  beforeAll(async () => {
    pool = await startPool(database.address, 'transaction', 1);
  });
  afterAll(() => pool[Symbol.asyncDispose]());

  it.each([
    'apply dev',
    'backup dev',
    'rehearse dev --from schema',
    'history dev',
    'preflight dev',
    'monitor dev --once',
  ])('drydock %s is refused by name, and leaves no setting behind', async (line) => {
    await expectFailure(project, line.split(' '), {
      exit: 2,
      code: 'postgres/transaction-pooling',
      names: ['a pool that gives each transaction another session'],
      hint: "server's own address",
      variables: through(),
    });
    await expectUntouched();
  });

  it('drydock status says so beside the rest, and leaves no setting behind', async () => {
    const { stdout } = await project.drydock(['status', 'dev'], through());
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(
      'a pool that gives each transaction another session',
    );
    await expectUntouched();
  });

  it.each(['health dev', 'check --database dev'])(
    'drydock %s works, and leaves no setting behind',
    async (line) => {
      const { failure } = await drydockJson(project, line.split(' '), through());
      expect(failure).toBeNull();
      await expectUntouched();
    },
  );

  // What the application finds on the one session that the pool has.
  async function expectUntouched(): Promise<void> {
    await using client = await connect(pool.address, { purpose: 'client' });
    await client.execute('INSERT INTO users SELECT 1; DELETE FROM users');
    const settings = await client.query(
      "SELECT name FROM pg_settings WHERE source = 'session' AND name <> 'application_name'",
    );
    expect(settings).toEqual([]);
  }
});

describe.skipIf(!hasPgbouncer)('with a session for each client', () => {
  beforeAll(async () => {
    pool = await startPool(database.address, 'session');
  });
  afterAll(() => pool[Symbol.asyncDispose]());

  it.each([
    'rehearse dev --from schema',
    'apply dev',
    'backup dev',
    'prove dev',
    'status dev --exit-code',
  ])('drydock %s works', async (line) => {
    const { failure, exit, stderr } = await drydockJson(project, line.split(' '), through());
    expect({ failure, exit }, stderr).toEqual({ failure: null, exit: 0 });
  });
});
