// One change at a time, one place in the queue: who has to wait, who gives way, and what a script learns
// of it by the exit status.

import { afterEach, beforeEach, expect, it } from 'vitest';
import { connect, type Database } from '../src/postgres/connect.ts';
import { type CommandProject, commandProject, drydockJson, expectFailure } from './command.ts';
import { type TestDatabase, testDatabase } from './database.ts';

let fresh: TestDatabase;
let project: CommandProject;
let database: Database;

beforeEach(async () => {
  fresh = await testDatabase({ sql: 'CREATE TABLE users (id int)' });
  project = await commandProject({
    databases: { dev: fresh.address.connectionString() },
    rules: { dev: { apply: { maxWaiting: 3, lockPatience: '10ms' }, outOfOrder: 'allow' } },
  });
  database = await connect(fresh.address, { purpose: 'test' });
});

afterEach(async () => {
  await database.close();
  await project[Symbol.asyncDispose]();
  await fresh.drop();
});

const atWork = `SELECT FROM pg_stat_activity
  WHERE query LIKE '%pg_sleep(60)%' AND application_name LIKE 'drydock apply%'`;
const patience = { timeout: 20_000, interval: 20 };

it('the plan is shown before anything of it runs, and what was run is in its order', async () => {
  await project.write(
    'migrations/001_mixed.sql',
    `ALTER TABLE users ADD COLUMN a int;
UPDATE users SET a = 1;
CREATE INDEX CONCURRENTLY users_a ON users (a);
`,
  );
  const { exitCode, stdout } = await project.sh('node_modules/.bin/drydock apply dev 2>&1');
  expect(exitCode, stdout).toBe(0);
  const told = [
    'one transaction of 2 statements, changes rows',
    'outside a transaction: CREATE INDEX CONCURRENTLY',
    'run 001_mixed',
  ].map((text) => stdout.indexOf(text));
  expect(
    told.toSorted((a, b) => a - b),
    stdout,
  ).toEqual(told);
  expect(told).not.toContain(-1);
});

it('too many sessions behind a migration: it gives way, and in the end exits with 10', async () => {
  await project.write(
    'migrations/001_slow.sql',
    'ALTER TABLE users ADD COLUMN a int;\nSELECT pg_sleep(60);\n',
  );
  const applying = expectFailure(project, ['apply', 'dev'], {
    exit: 10,
    code: 'apply/too-many-waiting',
    state: 'rolled back',
    names: ['001_slow'],
    hint: 'apply.maxWaiting',
  });
  await expect.poll(() => database.query(atWork), patience).toHaveLength(1);
  const readers = await Promise.all(
    [1, 2, 3].map(() => connect(fresh.address, { purpose: 'reader' })),
  );
  await Promise.all(readers.map((reader) => reader.query('SELECT FROM users')));
  await applying;
  await Promise.all(readers.map((reader) => reader.close()));
});

it('of two applies one runs, and the other names it and exits with 10', async () => {
  await project.write('migrations/001_slow.sql', 'SELECT pg_sleep(60);\n');
  const first = project.start(['apply', 'dev']);
  await expect.poll(() => database.query(atWork), patience).toHaveLength(1);
  await expectFailure(project, ['apply', 'dev'], {
    exit: 10,
    code: 'history/busy',
    names: ['another Drydock (apply of', 'server process', 'since 2'],
    hint: 'drydock status',
  });
  expect(await first.signal('SIGINT')).toMatchObject({ exitCode: 130 });
});

it('status --exit-code tells a script what is pending and what was changed by hand', async () => {
  const exitOf = async (): Promise<number> =>
    (await drydockJson(project, ['status', 'dev', '--exit-code'])).exit;
  await project.write('migrations/001_a.sql', 'CREATE TABLE a ();\n');
  expect(await exitOf()).toBe(11);
  await project.drydock(['apply', 'dev']);
  expect(await exitOf()).toBe(0);
  await database.execute('CREATE TABLE by_hand ()');
  expect(await exitOf()).toBe(11);
  await database.execute('DROP TABLE by_hand');
  await project.write('migrations/001_a.sql', 'CREATE TABLE a (x int);\n');
  expect(await exitOf()).toBe(11);
});

it('a migration older than one in force runs in silence where the configuration allows it', async () => {
  await project.write('migrations/002_b.sql', 'CREATE TABLE b ();\n');
  await project.drydock(['apply', 'dev']);
  await project.write('migrations/001_a.sql', 'CREATE TABLE a ();\n');
  const { exitCode, stderr } = await project.drydock(['apply', 'dev']);
  expect({ exitCode, told: stderr.includes('out of order') }).toEqual({
    exitCode: 0,
    told: false,
  });
  expect(await database.query("SELECT to_regclass('a')::text AS a")).toEqual([{ a: 'a' }]);
});
