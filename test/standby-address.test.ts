// An address that leads to a standby: what looks works there, and what writes is refused before it begins.

import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, type Database } from '../src/postgres/connect.ts';
import { type CommandProject, commandProject, drydockJson, expectFailure } from './command.ts';
import { type Pair, startPair } from './standby.ts';

let pair: Pair;
let primary: Database;
let project: CommandProject;
let standby: string;

beforeAll(async () => {
  pair = await startPair();
  primary = await connect(pair.primary('postgres'), { purpose: 'test' });
  await primary.execute('CREATE TABLE users (id int PRIMARY KEY)');
  standby = pair.standby('postgres').connectionString();
  project = await commandProject({
    databases: { staging: pair.primary('postgres').connectionString() },
    rules: { staging: { deploy: 'true', confirm: 'never' } },
    migrations: { '001_age.sql': 'ALTER TABLE users ADD COLUMN IF NOT EXISTS age int;\n' },
  });
  expect((await drydockJson(project, ['apply', 'staging'])).exit).toBe(0);
  expect((await drydockJson(project, ['backup', 'staging'])).exit).toBe(0);
  await project.sh(
    'git init -q && git add -A && git -c user.name=a -c user.email=a@b.c commit -qm a',
  );
  await project.write('migrations/002_name.sql', 'ALTER TABLE users ADD COLUMN name text;\n');
  while ((await entriesThere()) < (await entriesHere())) await setTimeout(20);
}, 120_000);

afterAll(async () => {
  await project?.[Symbol.asyncDispose]();
  await primary?.close();
  await pair?.stop();
});

const entries = 'SELECT count(*)::int AS n FROM drydock.journal';
const entriesHere = async (): Promise<number> => (await primary.one<{ n: number }>(entries)).n;

async function entriesThere(): Promise<number> {
  await using database = await connect(pair.standby('postgres'), { purpose: 'test' });
  return (await database.one<{ n: number }>(entries).catch(() => ({ n: 0 }))).n;
}

const onStandby = (): NodeJS.ProcessEnv => ({ STAGING_DATABASE_URL: standby });

describe('on a standby', () => {
  it.each([
    'apply staging',
    'apply staging --mark-applied 002 --reason x --yes',
    'backup staging',
    'restore staging --yes --confirm postgres',
    'restore staging --tables users',
    'drill staging',
    'deploy staging',
    'monitor staging --once',
    'arm staging',
    'freeze staging --reason x',
    'pause staging',
    'adopt staging --reason x',
  ])('drydock %s is refused by name', async (line) => {
    const before = await entriesHere();
    await expectFailure(project, line.split(' '), {
      exit: 2,
      code: 'postgres/standby',
      names: [pair.standby('postgres').label, 'is a standby'],
      hint: "Give the primary's address",
      variables: onStandby(),
    });
    expect(await entriesHere()).toBe(before);
  });

  it.each([
    'status staging',
    'history staging',
    'check --database staging',
    'preflight staging',
    'recover staging',
    'apply staging --dry-run',
    'rehearse staging',
  ])('drydock %s works', async (line) => {
    const { failure, data } = await drydockJson(project, line.split(' '), onStandby());
    expect(failure).toBeNull();
    expect(data).not.toBeNull();
  });
});
