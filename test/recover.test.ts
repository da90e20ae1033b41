// The emergency page as a command, on real databases: what it shows, what it drives, what it writes down.

import { readFile, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { quoteIdentifier } from '../src/postgres/address.ts';
import { connect } from '../src/postgres/connect.ts';
import {
  type CommandProject,
  commandProject,
  drydockJson,
  expectFailure,
  filesIn,
  lastEntry,
} from './command.ts';
import { serverAddress, type TestDatabase, testDatabase } from './database.ts';
import { inTerminal } from './terminal.ts';

let database: TestDatabase;
let project: CommandProject;
let application: Server;
let isWell = true;
let name: string;

const bad = '-- Merges tiers.\nBEGIN;\nUPDATE users SET tier = NULL WHERE true;\nCOMMIT;\n';

beforeAll(async () => {
  database = await testDatabase({
    sql: "CREATE TABLE users (id int PRIMARY KEY, tier text); INSERT INTO users SELECT n, 'gold' FROM generate_series(1, 50) n",
  });
  name = database.address.database;
  application = createServer((_request, response) => {
    response.statusCode = isWell ? 200 : 503;
    response.end();
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => application.once('listening', resolve));
  const { port } = application.address() as AddressInfo;
  project = await commandProject({
    databases: { production: database.address.connectionString() },
    rules: {
      production: {
        guarded: true,
        health: `http://127.0.0.1:${port}/`,
        deploy: 'echo "$DRYDOCK_RELEASE" > deployed',
      },
    },
    migrations: { '001_merge_tiers.sql': bad },
  });
  const commit = 'git -c user.name=T -c user.email=t@example.com commit -q --allow-empty -m';
  await project.sh(`git init -q && git add -A && ${commit} "First" && ${commit} "Second"`);
  for (const args of [
    ['deploy', 'production', '--release', 'HEAD~1'],
    [
      ...['apply', 'production', '--told-by', 'Ana', '--yes', '--confirm', name],
      ...['--waive', 'check-clean=it is bad on purpose', '--waive', 're-runnable=so'],
      ...['--waive', 'rehearsed-within-budget=so', '--waive', 'no-destructive-statements=so'],
    ],
    ['deploy', 'production'],
  ]) {
    const { exitCode, stderr } = await project.drydock(args);
    expect({ args, exitCode }, stderr).toEqual({ args, exitCode: 0 });
  }
  isWell = false;
  await run("INSERT INTO users VALUES (100, 'new'), (101, 'new')");
});

afterAll(async () => {
  application.close();
  await project[Symbol.asyncDispose]();
  await using server = await connect(serverAddress(), { purpose: 'test' });
  const rows = await server.query<{ datname: string }>(
    'SELECT datname FROM pg_database WHERE starts_with(datname, $1)',
    [name],
  );
  for (const { datname } of rows)
    await server.execute(`DROP DATABASE ${quoteIdentifier(datname)} WITH (FORCE)`);
});

async function run(sql: string): Promise<void> {
  await using session = await connect(database.address, { purpose: 'test' });
  await session.execute(sql);
}

async function goldUsers(): Promise<number> {
  await using session = await connect(database.address, { purpose: 'test' });
  const sql = "SELECT count(*)::int AS count FROM users WHERE tier = 'gold'";
  return (await session.one<{ count: number }>(sql)).count;
}

it('lists what changed, what is red and every way back, best first, and changes nothing', async () => {
  const { exit, data } = await drydockJson(project, ['recover', 'production']);
  expect(exit).toBe(0);
  expect(data.taken).toBeNull();
  expect(data.changes.map(({ command }: { command: string }) => command)).toEqual([
    ...['deploy', 'apply', 'deploy'],
  ]);
  expect(data.changes[1]).toMatchObject({ about: '001_merge_tiers', outcome: 'done' });
  expect(data.health.healthy).toBe(false);
  expect(data.ways.map((way: { name: string }) => way.name)).toEqual([
    ...['code', 'tables', 'restore', 'undo', 'rescue', 'point-in-time'],
  ]);
  const [code, , restore, undo, , pointInTime] = data.ways.map(
    ({ judgement }: { judgement: object }) => judgement,
  );
  expect(code).toMatchObject({
    possible: true,
    loss: { rows: 0 },
    command: 'drydock rollback production',
  });
  expect(restore).toMatchObject({ possible: true, measured: 'its proof', doubt: null });
  expect(restore.loss.rows).toBeGreaterThanOrEqual(2);
  expect(undo).toMatchObject({ possible: false, prepare: expect.stringContaining('undo: true') });
  expect(pointInTime).toMatchObject({ possible: false });
  expect(await goldUsers()).toBe(0);
});

it('is readable at 80 columns', async () => {
  const { stdout } = await project.drydock(['recover', 'production'], { NO_COLOR: '1' });
  expect(stdout).toMatch(
    /NOT healthy[\s\S]*What changed[\s\S]*Ways back, best first[\s\S]*1 {2}code/,
  );
  const long = stdout.split('\n').filter((line) => line.length > 80 && !line.includes('→ '));
  expect(long).toEqual([]);
});

it('is driven without a terminal by a name and the name of the database alone', async () => {
  const before = await filesIn(project, 'incidents').catch(() => []);
  await expectFailure(project, ['recover', 'production', '--way', 'restore'], {
    exit: 2,
    code: 'usage/nobody-to-ask',
    names: ['production'],
    hint: `--way restore --confirm ${name}`,
  });
  await expectFailure(project, ['recover', 'production', '--way', 'restore', '--confirm', 'shop'], {
    exit: 2,
    code: 'usage/wrong-database-name',
    names: ['shop', name],
    hint: `--confirm ${name}`,
  });
  await expectFailure(project, ['recover', 'production', '--way', 'magic', '--confirm', name], {
    exit: 2,
    code: 'recover/no-such-way',
    names: ['magic'],
    hint: 'code, tables, restore',
  });
  await expectFailure(
    project,
    ['recover', 'production', '--way', 'point-in-time', '--confirm', name],
    { exit: 2, code: 'recover/not-possible', names: ['pgBackRest'], hint: 'restore' },
  );
  expect(await filesIn(project, 'incidents').catch(() => [])).toEqual(before);
  expect(await goldUsers()).toBe(0);
});

it('rolls the code back, and says that it is red still', async () => {
  const args = ['recover', 'production', '--way', 'code', '--confirm', name];
  const { exit, data } = await drydockJson(project, args);
  expect(exit).toBe(9);
  expect(data.taken).toMatchObject({ way: 'code', outcome: 'done', health: { healthy: false } });
  const first = (await project.sh('git rev-parse HEAD~1')).stdout;
  expect((await project.sh('cat deployed')).stdout).toBe(first);
});

it('restores after the right name was typed at a terminal, and writes the incident down', async () => {
  isWell = true;
  const records = (await filesIn(project, 'incidents')).length;
  const program = join(project.folder, 'node_modules', '.bin', 'drydock');
  const env = { ...process.env, PRODUCTION_DATABASE_URL: database.address.connectionString() };
  const look = await inTerminal(`${program} recover production`, {
    cwd: project.folder,
    env,
    answers: [{ when: /Which way\?/, type: '\r' }],
  });
  expect(look).toMatchObject({
    exitCode: 0,
    screen: expect.stringContaining('Nothing was changed.'),
  });
  const wrong = await inTerminal(`${program} recover production`, {
    cwd: project.folder,
    env,
    answers: [
      { when: /Which way\?/, type: 'restore\r' },
      { when: /Type the name of the database/, type: 'another\r' },
    ],
  });
  expect(wrong.exitCode, wrong.screen).toBe(5);
  expect(await filesIn(project, 'incidents')).toHaveLength(records);
  expect(await goldUsers()).toBe(0);
  const done = await inTerminal(`${program} recover production`, {
    cwd: project.folder,
    env,
    answers: [
      { when: /Which way\?/, type: 'restore\r' },
      { when: /Type the name of the database/, type: `${name}\r` },
    ],
  });
  expect(done.exitCode, done.screen).toBe(0);
  expect(await goldUsers()).toBe(50);
  expect(await lastEntry(database.address)).toMatchObject({
    command: 'recover',
    phase: 'done',
    details: { way: 'restore', healthy: true },
  });
  const record = /is written in (\S+\.md)/.exec(done.screen.replaceAll(/\r?\n/g, ' '))?.[1] ?? '';
  const text = await readFile(record, 'utf8');
  expect(text).toMatch(/# Incident in production[\s\S]*001_merge_tiers[\s\S]*drydock salvage/);
  expect((await stat(record)).mode & 0o777).toBe(0o600);
});

it('leaves the old or the restored database when it is killed, and a record that has no end', async () => {
  const before = await filesIn(project, 'incidents/production');
  const killed = project.start(['recover', 'production', '--way', 'restore', '--confirm', name]);
  await expect.poll(() => killed.said(), { timeout: 20_000, interval: 10 }).toContain('beside');
  await killed.signal('SIGKILL');
  expect(await goldUsers()).toBe(50);
  const after = await filesIn(project, 'incidents/production');
  const [record = ''] = after.filter((file) => !before.includes(file));
  expect(await readFile(join(project.folder, record), 'utf8')).toContain(
    'not yet, or the command was',
  );
  const { data } = await drydockJson(project, ['recover', 'production']);
  expect(data.changes[0]).toMatchObject({ command: 'restore', outcome: 'begun' });
});

it('goes on where the record cannot be written, and says so', async () => {
  await project.sh('mv incidents kept-incidents && touch incidents');
  const args = ['recover', 'production', '--way', 'restore', '--confirm', name];
  const { exit, data, stderr } = await drydockJson(project, args);
  expect({ exit, record: data.taken.record }).toEqual({ exit: 0, record: null });
  expect(stderr).toContain('The incident record cannot be written');
  await project.sh('rm incidents && mv kept-incidents incidents');
});

it('finds the way back while the database is gone', async () => {
  await using server = await connect(serverAddress(), { purpose: 'test' });
  await server.execute(`DROP DATABASE ${quoteIdentifier(name)} WITH (FORCE)`);
  const shown = await drydockJson(project, ['recover', 'production']);
  expect(shown.data.problem).toContain(name);
  expect(shown.data.ways[0]).toMatchObject({ name: 'restore', judgement: { possible: true } });
  const args = ['recover', 'production', '--way', 'restore', '--confirm', name];
  const { exit, data } = await drydockJson(project, args);
  expect({ exit, outcome: data.taken?.outcome }).toEqual({ exit: 0, outcome: 'done' });
  expect(await goldUsers()).toBe(50);
});
