// A password appears in no output, file, journal, error or argument list.

import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from '../src/core/process.ts';
import { connect } from '../src/postgres/connect.ts';
import { type CommandProject, commandProject } from './command.ts';
import { serverAddress, type TestDatabase, testDatabase } from './database.ts';

// Letters that a URI writes in another way: both forms must stay secret.
const password = `s3cr3t/${randomBytes(6).toString('hex')}?#`;
const forms = [password, encodeURIComponent(password), password.slice(7, 19)];
const role = `keeper_${randomBytes(4).toString('hex')}`;

let database: TestDatabase;
let project: CommandProject;

beforeAll(async () => {
  await using server = await connect(serverAddress(), { purpose: 'test' });
  await server.execute(`CREATE ROLE ${role} SUPERUSER LOGIN PASSWORD '${password}'`);
  database = await testDatabase({ sql: 'CREATE TABLE users (id int)' });
  const url = new URL(database.address.connectionString());
  url.username = role;
  url.password = encodeURIComponent(password);
  project = await commandProject({
    databases: { dev: url.href },
    migrations: { '001_a.sql': 'CREATE TABLE a (id int);' },
  });
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await database.drop();
});

function expectNoSecret(text: string, where: string): void {
  for (const form of forms) expect(text.includes(form), where).toBe(false);
}

it('no command prints it, whether it succeeds or fails', async () => {
  const commands = [
    ['apply', 'dev'],
    ['status'],
    ['history', 'dev'],
    ['health', 'dev'],
    ['backup', 'dev'],
    ['backups', 'dev'],
    ['prove', 'dev'],
    ['restore', 'dev', '--yes'],
    ['preflight', 'dev'],
    ['apply', 'moon'],
    ['apply', 'dev', 'migrations/404.sql'],
    ['prove', 'dev', '404.dump'],
  ];
  for (const args of commands) {
    const { stdout, stderr } = await project.drydock([...args, '--json']);
    expectNoSecret(stdout + stderr, args.join(' '));
  }
});

it('no file of the project and no table of Drydock holds it', async () => {
  const { stdout } = await project.sh('cat drydock.config.json backups/dev/*.json');
  expect(stdout).toContain('sha256');
  expectNoSecret(stdout, 'the manifest');
  await using session = await connect(database.address, { purpose: 'test' });
  for (const table of ['journal', 'ledger', 'environment', 'health_samples']) {
    expectNoSecret(JSON.stringify(await session.query(`SELECT * FROM drydock.${table}`)), table);
  }
});

it('no argument list holds it while a backup runs', async () => {
  await using other = await connect(database.address, { purpose: 'test' });
  await other.execute('BEGIN; LOCK TABLE users');
  const command = project.start(['backup', 'dev']);
  const processes = async (): Promise<string> => (await run('ps', ['-A', '-o', 'args'])).stdout;
  await expect.poll(processes, { timeout: 20_000 }).toMatch(/pg_dump .*--dbname=.*/);
  expectNoSecret(await processes(), 'the process list');
  await other.execute('COMMIT');
  await command.signal('SIGTERM');
});
