// Every gate of a promotion, closed and open, by the built command with real databases behind it: first a
// change with which nothing is right, then each thing is put right as its gate says. How long a soak lasts
// is shown in soak.test.ts.

import { once } from 'node:events';
import { rm, truncate, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EnvironmentInput } from '../src/config/input.ts';
import { connect, type Database } from '../src/postgres/connect.ts';
import type { JudgedGate } from '../src/promotion/gate.ts';
import { gates } from '../src/promotion/judge.ts';
import {
  type CommandProject,
  commandProject,
  drydockJson,
  expectFailure,
  type JsonDocument,
} from './command.ts';
import { serverAddress, type TestDatabase, testDatabase } from './database.ts';

/** What each gate says of the change with which nothing is right, and when that was put right. */
const said: Readonly<Record<string, readonly [closed: RegExp, open: RegExp]>> = {
  'tested-locally': [/^not in force in dev: 002_notes$/, /^in force in dev with the same content$/],
  soaked: [/^not in force in staging .*: 002_notes$/, /^in force in staging/],
  'no-destructive-statements': [/^002_notes\.sql:3 /, /^no statement destroys data$/],
  're-runnable': [/^002_notes\.sql:2 /, /^every statement can be run again$/],
  transactional: [/^002_notes takes 2 steps/, /^one step each/],
  'in-window': [/^nothing is changed from .*: a sale$/, /^production has no window/],
  'team-notified': [/^nobody was told of this plan$/, /^told by Ana$/],
  'monitoring-ready': [/application: 503 /, /application: 200 /],
  'way-back-ready': [/^a restore would be refused: .*no room/, /^pre_migration_.*, proven, /],
  'check-clean': [/^002_notes\.sql:4 column-not-null-without-default$/, /^no error$/],
  'no-drift': [/^changed by hand: index by_hand on users is new$/, /^the schema is as the last/],
  'not-frozen': [/^frozen by .*: an incident$/, /^nobody has frozen it$/],
  approved: [/^0 of 1 approvals of this plan$/, /^approved by gates_ben_/],
  'no-blockers': [/open for 10 min/, /^no transaction is older than 5 min$/],
  'disk-space': [/are free for backups, and one needs about/, /free on the server/],
};

const wrong = `-- Notes.
CREATE TABLE notes (id int PRIMARY KEY);
DROP TABLE IF EXISTS old_notes;
ALTER TABLE users ADD COLUMN age int NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_name ON users (name);
`;
const right = '-- Notes.\nCREATE TABLE IF NOT EXISTS notes (id int PRIMARY KEY);\n';
const breaking = `-- A better name.
BEGIN;
ALTER TABLE users RENAME COLUMN name TO full_name;
SELECT pg_sleep(0.6);
COMMIT;
`;
const file = 'migrations/002_notes.sql';

let application: Server;
let status = 503;
let databases: Readonly<Record<'dev' | 'staging' | 'production', TestDatabase>>;
let project: CommandProject;
let blocker: Database;
let approver: string;

beforeAll(async () => {
  application = createServer((_request, response) => response.writeHead(status).end());
  await once(application.listen(0, '127.0.0.1'), 'listening');
  const sql = `CREATE TABLE users (id int PRIMARY KEY, name text);
    CREATE FUNCTION names() RETURNS SETOF text LANGUAGE sql AS 'SELECT name FROM users'`;
  databases = {
    dev: await testDatabase({ sql }),
    staging: await testDatabase({ sql }),
    production: await testDatabase({ sql }),
  };
  approver = `gates_ben_${databases.production.address.database}`;
  project = await commandProject({
    databases: Object.fromEntries(
      Object.entries(databases).map(([name, { address }]) => [name, address.connectionString()]),
    ),
    rules: { production: { guarded: false, confirm: 'never' } },
    migrations: { '001_base.sql': 'CREATE TABLE IF NOT EXISTS base (id int PRIMARY KEY);\n' },
  });
  for (const name of ['dev', 'staging', 'production']) await done('apply', name);
});

afterAll(async () => {
  application.close();
  await blocker?.close();
  await project[Symbol.asyncDispose]();
  for (const database of Object.values(databases)) await database.drop();
  await using server = await connect(serverAddress(), { purpose: 'test' });
  await server.execute(`DROP ROLE IF EXISTS ${approver}`);
});

async function done(...args: string[]): Promise<void> {
  const { exit, failure, stderr } = await drydockJson(project, args);
  expect({ args, exit, failure }, stderr).toEqual({ args, exit: 0, failure: null });
}

async function onProduction(sql: string): Promise<void> {
  await using database = await connect(databases.production.address, { purpose: 'test' });
  await database.execute(sql);
}

async function configure(production: EnvironmentInput): Promise<void> {
  const { port } = application.address() as AddressInfo;
  const url = (name: string) => ({ env: `${name.toUpperCase()}_DATABASE_URL` });
  const environments = {
    dev: { url: url('dev') },
    staging: { url: url('staging'), after: 'dev' },
    production: {
      url: url('production'),
      after: 'staging',
      soak: '0s',
      health: `http://127.0.0.1:${port}/`,
      ...production,
    },
  };
  await project.write('drydock.config.json', JSON.stringify({ environments }));
}

function apply(more: readonly string[] = []): Promise<JsonDocument> {
  const { database } = databases.production.address;
  const answers = ['--told-by', 'Ana', '--yes', '--confirm', database];
  return drydockJson(project, ['apply', 'production', ...answers, ...more]);
}

/** A lock that no query meets is over no budget: what the server counted since its start is the traffic. */
async function useTheApplication(): Promise<void> {
  await using database = await connect(databases.production.address, { purpose: 'test' });
  for (let query = 0; query < 2_000; query += 1) await database.query('SELECT count(*) FROM users');
}

/** A file of the database that says it is as large as the disk, and takes no room on it. */
async function hugeFile(): Promise<string> {
  await using database = await connect(databases.production.address, { purpose: 'test' });
  const { folder, oid } = await database.one<{ folder: string; oid: number }>(
    `SELECT current_setting('data_directory') AS folder, oid FROM pg_database
      WHERE datname = current_database()`,
  );
  return join(folder, 'base', String(oid), '999999999');
}

/** A session whose transaction is as old as ten minutes make it: time goes by where the server tells it. */
async function openLongTransaction(): Promise<void> {
  await onProduction(
    `SET allow_system_table_mods = on;
     DO $$ BEGIN EXECUTE replace(
       'CREATE OR REPLACE VIEW pg_catalog.pg_stat_activity AS ' || pg_get_viewdef('pg_catalog.pg_stat_activity'::regclass),
       's.xact_start,',
       $x$CASE s.application_name WHEN 'drydock long' THEN s.xact_start - interval '10 minutes' ELSE s.xact_start END AS xact_start,$x$);
     END $$`,
  );
  blocker = await connect(databases.production.address, { purpose: 'long' });
  await blocker.execute('BEGIN; SELECT * FROM users');
}

async function judged(args: readonly string[] = []): Promise<Readonly<Record<string, JudgedGate>>> {
  const { data } = await drydockJson(project, ['preflight', 'production', ...args]);
  return byId(data.gates);
}

function byId(all: readonly JudgedGate[]): Readonly<Record<string, JudgedGate>> {
  return Object.fromEntries(all.map((gate) => [gate.id, gate]));
}

describe('a change with which nothing is right', () => {
  let found: Readonly<Record<string, JudgedGate>>;

  beforeAll(async () => {
    const today = new Date().toISOString().slice(0, 10);
    const blackouts = [{ from: today, timeZone: 'UTC', reason: 'a sale' }];
    await configure({ blackouts, approvals: { count: 1 } });
    await project.write(file, wrong);
    await done('freeze', 'production', '--reason', 'an incident');
    await onProduction('CREATE INDEX by_hand ON users (name)');
    await openLongTransaction();
    const huge = await hugeFile();
    await writeFile(huge, '');
    await truncate(huge, 8 * 1024 ** 4);
    found = await judged();
  });

  it.each(Object.entries(said))('%s is closed', (id, [closed]) => {
    expect(found[id]).toMatchObject({ state: 'closed', reason: expect.stringMatching(closed) });
    expect(found[id]?.howToOpen).not.toBe('');
  });

  it('is refused, and nothing is done', async () => {
    expect(await apply()).toMatchObject({
      exit: 5,
      data: { outcome: 'refused', backup: null, apply: null },
    });
  });
});

describe('the change put right', () => {
  let found: Readonly<Record<string, JudgedGate>>;

  beforeAll(async () => {
    await project.write(file, right);
    await configure({ approvals: { count: 1 } });
    await done('unfreeze', 'production', '--reason', 'it is over');
    await blocker.close();
    await onProduction('DROP INDEX by_hand');
    await rm(await hugeFile());
    status = 200;
    await done('apply', 'dev');
    await done('apply', 'staging');
    await approve();
    await done('backup', 'production');
    await done('prove', 'production');
    found = await judged(['--told-by', 'Ana']);
  });

  // By a role of their own, as the journal keeps it.
  async function approve(): Promise<void> {
    await onProduction(`CREATE ROLE ${approver} LOGIN SUPERUSER PASSWORD 'x'`);
    const url = new URL(databases.production.address.connectionString());
    url.username = approver;
    url.password = 'x';
    const { exit, stderr } = await drydockJson(project, ['approve', 'production', '--yes'], {
      PRODUCTION_DATABASE_URL: url.href,
      DRYDOCK_ACTOR: 'ben',
    });
    expect(exit, stderr).toBe(0);
  }

  it.each(Object.entries(said))('%s is open', (id, [, open]) => {
    expect(found[id]).toMatchObject({ state: 'open', reason: expect.stringMatching(open) });
  });

  it('is refused by what only its rehearsal can show, with what that was', async () => {
    await project.write('migrations/003_rename.sql', breaking);
    await useTheApplication();
    const waived = ['tested-locally', 'soaked', 'approved', 'check-clean', 're-runnable'];
    const { exit, data } = await apply(waived.flatMap((id) => ['--waive', `${id}=a test`]));
    await rm(join(project.folder, 'migrations', '003_rename.sql'));
    expect({ exit, outcome: data.outcome, apply: data.apply }).toEqual({
      exit: 5,
      outcome: 'refused',
      apply: null,
    });
    const closed = data.gates.filter(({ state }: JudgedGate) => state === 'closed');
    expect(closed.map(({ id, reason }: JudgedGate) => [id, reason])).toEqual([
      ['rehearsed-within-budget', expect.stringContaining('holds ACCESS EXCLUSIVE on users')],
      ['queries-still-work', expect.stringContaining('1 view or function would not work')],
    ]);
  });

  it('is applied when all of them are open', async () => {
    const { exit, data } = await apply();
    expect({ exit, outcome: data.outcome }).toEqual({ exit: 0, outcome: 'applied' });
    expect(data.gates.map(({ id, state }: JudgedGate) => [id, state])).toEqual(
      gates.map(({ id }) => [id, 'open']),
    );
  });
});

it('the wrong database is refused before any gate is asked', async () => {
  await onProduction("UPDATE drydock.environment SET name = 'staging'");
  await expectFailure(project, ['preflight', 'production'], {
    exit: 2,
    code: 'history/wrong-environment',
    names: ['production', 'staging'],
    hint: 'address',
  });
});
