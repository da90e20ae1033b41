// `drydock drill staging`: the whole recovery, rehearsed where nobody notices, and what its record opens.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect } from '../src/postgres/connect.ts';
import {
  type CommandProject,
  commandProject,
  drydockJson,
  expectFailure,
  lastEntry,
} from './command.ts';
import { serverAddress, type TestDatabase, testDatabase } from './database.ts';

let staging: TestDatabase;
let production: TestDatabase;
let project: CommandProject;

beforeAll(async () => {
  const sql =
    'CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users SELECT generate_series(1, 2000)';
  staging = await testDatabase({ sql });
  production = await testDatabase({ sql });
  project = await commandProject({
    databases: {
      staging: staging.address.connectionString(),
      production: production.address.connectionString(),
    },
    rules: { production: { after: 'staging', drill: '30d' } },
    migrations: {
      '001_a.sql': '-- A table.\nCREATE TABLE IF NOT EXISTS a (id int PRIMARY KEY);\n',
    },
  });
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await staging.drop();
  await production.drop();
});

async function standIns(): Promise<readonly string[]> {
  await using server = await connect(serverAddress(), { purpose: 'test' });
  const sql = "SELECT datname FROM pg_database WHERE starts_with(datname, 'drydock_drill_')";
  return (await server.query<{ datname: string }>(sql)).map(({ datname }) => datname);
}

async function wayBackReady(): Promise<{
  state: string;
  reason: string;
  howToOpen: string | null;
}> {
  const { data } = await drydockJson(project, ['preflight', 'production']);
  return data.gates.find(({ id }: { id: string }) => id === 'way-back-ready');
}

it('opens way-back-ready of the environment promoted from it, where the configuration wants one', async () => {
  expect(await wayBackReady()).toMatchObject({
    state: 'closed',
    reason: 'the recovery was never drilled in staging',
    howToOpen: 'drydock drill staging',
  });

  await using user = await connect(staging.address, { purpose: 'test' });
  await user.execute('BEGIN; INSERT INTO users VALUES (100000)');
  const { exit, data } = await drydockJson(project, ['drill', 'staging']);
  // Somebody who works there goes on, transaction and all.
  await user.execute('COMMIT');
  expect({ exit, outcome: data.outcome }).toEqual({ exit: 0, outcome: 'done' });
  expect(data.recoveryMs).toBeGreaterThan(data.pauseMs);
  expect(await standIns()).toEqual([]);
  expect(await user.query("SELECT to_regclass('drydock_drill') AS mark")).toEqual([{ mark: null }]);
  expect(await lastEntry(staging.address)).toMatchObject({
    command: 'drill',
    phase: 'done',
    details: { recoveryMs: Math.round(data.recoveryMs) },
  });

  // What is missing now is the proven backup, which an apply takes itself.
  expect(await wayBackReady()).toMatchObject({ reason: 'there is no proven backup' });
  await project.drydock(['backup', 'production']);
  await project.drydock(['prove', 'production']);
  const opened = await wayBackReady();
  expect(opened.state).toBe('open');
  expect(opened.reason).toMatch(/drilled in staging .* ago, recovered in/);
});

it('gives recover its minutes', async () => {
  const { data } = await drydockJson(project, ['recover', 'staging']);
  const restore = data.ways.find(({ name }: { name: string }) => name === 'restore');
  expect(restore.judgement.measured).toMatch(/^the drill of /);
  expect(restore.judgement.ms).toBeGreaterThan(0);
});

it('that is killed leaves a copy, and the next one takes it away', async () => {
  const killed = project.start(['drill', 'staging']);
  await expect.poll(standIns, { timeout: 20_000, interval: 20 }).not.toEqual([]);
  await killed.signal('SIGKILL');
  expect(await standIns()).not.toEqual([]);
  const again = await project.drydock(['drill', 'staging']);
  expect(again, again.stderr).toMatchObject({ exitCode: 0 });
  expect(again.stdout).toContain('The recovery of staging works');
  expect(await standIns()).toEqual([]);
});

it('that is stopped leaves nothing', async () => {
  const stopped = project.start(['drill', 'staging']);
  await expect.poll(standIns, { timeout: 20_000, interval: 20 }).not.toEqual([]);
  const { exitCode, stderr } = await stopped.signal('SIGINT');
  expect({ exitCode }, stderr).toEqual({ exitCode: 130 });
  expect(await standIns()).toEqual([]);
});

it('is refused where an environment is guarded, with the one to drill in', async () => {
  await expectFailure(project, ['drill', 'production'], {
    exit: 2,
    code: 'drill/guarded',
    names: ['production'],
    hint: 'drydock drill staging',
  });
});
