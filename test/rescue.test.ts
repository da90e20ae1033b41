// A rescue through the command line: armed by the apply, offered by recover, confirmed, killed, and refused
// where it cannot be trusted. That it loses no write under load is shown by test/judge/rescue.test.ts.

import { once } from 'node:events';
import { mkdir, readdir, readFile, rmdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { quoteIdentifier } from '../src/postgres/address.ts';
import { connect } from '../src/postgres/connect.ts';
import { schemaFacts } from '../src/postgres/fingerprint.ts';
import {
  type CommandProject,
  commandProject,
  drydockJson,
  expectFailure,
  type RunningCommand,
} from './command.ts';
import { hasPgbouncer, startPool } from './connection-pool.ts';
import {
  databasesBeside,
  dropBeside,
  onServer,
  type TestDatabase,
  testDatabase,
} from './database.ts';
import { PoolClients } from './pool-clients.ts';

const sql = `
  CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, tier text);
  CREATE TABLE letters (id int PRIMARY KEY, seen int NOT NULL DEFAULT 0, text text);
  ALTER TABLE letters ALTER COLUMN text SET STORAGE EXTERNAL;
  CREATE TABLE lines (body text, number int);
  INSERT INTO users SELECT n, 'name ' || n, 'gold' FROM generate_series(1, 500) n;
  INSERT INTO letters SELECT n, 0, repeat(md5(n::text), 200) FROM generate_series(1, 20) n;
  INSERT INTO lines SELECT 'line ' || n % 10, n % 10 FROM generate_series(1, 100) n;
  ANALYZE`;

const bad = `-- A bad day.
BEGIN;
UPDATE users SET tier = NULL WHERE id % 2 = 0;
ALTER TABLE users ADD COLUMN motto text DEFAULT 'none';
ALTER TABLE users RENAME name TO full_name;
COMMIT;
`;

let database: TestDatabase;
let project: CommandProject;
let name: string;

async function begin(
  migration = bad,
  rescue: 'off' | 'warm' | 'cold' = 'warm',
  more: object = {},
): Promise<void> {
  project = await commandProject({
    databases: { production: database.address.connectionString() },
    rules: { production: { guarded: true, rescue, ...more } },
    migrations: { '001_bad.sql': migration },
  });
}

beforeEach(async () => {
  database = await testDatabase({ sql });
  name = database.address.database;
});

afterEach(async () => {
  await project.drydock(['disarm', 'production']);
  await project[Symbol.asyncDispose]();
  await dropBeside(name);
});

async function slots(): Promise<number> {
  const rows = await onServer(
    `SELECT FROM pg_replication_slots WHERE slot_name ~ '^drydock_rescue' AND (database IS NULL OR starts_with(database, '${name}'))`,
  );
  return rows.length;
}

async function run<Row extends object>(statement: string): Promise<Row[]> {
  await using session = await connect(database.address, { purpose: 'test' });
  return await session.query<Row>(statement);
}

async function facts(): Promise<readonly string[]> {
  await using session = await connect(database.address, { purpose: 'test' });
  return (await schemaFacts(session)).map(({ fact }) => fact);
}

const waived = [
  ...['--waive', 'check-clean=it is bad on purpose', '--waive', 're-runnable=so'],
  ...['--waive', 'no-destructive-statements=so', '--waive', 'queries-still-work=so'],
  ...['--waive', 'monitoring-ready=so'],
];
const anyway = [...waived, '--waive', 'rehearsed-within-budget=so'];

async function apply(...more: readonly string[]): Promise<number> {
  const { exitCode, stderr } = await project.drydock([
    ...['apply', 'production', '--told-by', 'Ana', '--yes', '--confirm', name, ...more],
  ]);
  if (exitCode !== 0 && exitCode !== 5) throw new Error(stderr);
  return exitCode;
}

const answered = (): readonly string[] => ['rescue', 'production', '--yes', '--confirm', name];

describe('a rescue', () => {
  it.skipIf(!hasPgbouncer)(
    'behind pgbouncer is seen by no client: they wait for it in the pool',
    async () => {
      await using pool = await startPool(database.address, 'transaction');
      const pgbouncer = pool.address.withDatabase('pgbouncer').connectionString();
      await begin(bad, 'warm', { pgbouncer });
      expect(await apply(...anyway)).toBe(0);
      const clients = new PoolClients(
        pool.address,
        `UPDATE letters SET seen = seen + 1 WHERE id = (SELECT 1 + floor(random() * 20)::int)`,
      );
      await clients.more();
      const { exit, stderr } = await drydockJson(project, answered());
      expect(exit, stderr).toBe(0);
      await clients.more();
      await clients.stop();
      expect(clients.errors).toEqual([]);
      // One update each: the answered ones are all there, before the rescue and after it.
      expect(await run('SELECT sum(seen)::int AS written FROM letters')).toEqual([
        { written: clients.written },
      ]);
    },
  );

  it('is armed by the apply, and brings everything back that was written since', async () => {
    const before = await facts();
    await begin();
    expect(await apply(...anyway)).toBe(0);
    await run(`UPDATE users SET full_name = 'written since' WHERE id = 2`);
    await run(`INSERT INTO users (id, full_name, tier) VALUES (1000, 'new', 'silver')`);
    await run(`UPDATE letters SET seen = 1 WHERE id = 3`);
    await run(
      `UPDATE lines SET number = 77 WHERE ctid = (SELECT ctid FROM lines WHERE number = 3 LIMIT 1)`,
    );
    const status = await drydockJson(project, ['status', 'production']);
    expect(status.data.environments[0].armed).toMatchObject({ state: 'armed', hasCopy: true });
    const recover = await drydockJson(project, ['recover', 'production']);
    const offered = recover.data.ways.find((way: { name: string }) => way.name === 'rescue');
    expect(offered.judgement).toMatchObject({ possible: true, loss: { rows: 0 } });
    await expectFailure(project, ['rescue', 'production'], {
      exit: 2,
      code: 'usage/nobody-to-ask',
      names: ['production'],
      hint: `drydock rescue production --yes --confirm ${name}`,
    });
    const { data, exit, stderr } = await drydockJson(project, answered());
    expect(exit, stderr).toBe(0);
    expect(data.comparison.unexplained).toEqual([]);
    expect(data.comparison.explained).toBe(250);
    expect(await run('SELECT name, tier FROM users WHERE id IN (2, 4, 1000) ORDER BY id')).toEqual([
      { name: 'written since', tier: 'gold' },
      { name: 'name 4', tier: 'gold' },
      { name: 'new', tier: 'silver' },
    ]);
    expect(await run('SELECT seen, length(text) AS length FROM letters WHERE id = 3')).toEqual([
      { seen: 1, length: 6_400 },
    ]);
    expect(await run('SELECT count(*)::int AS n FROM lines WHERE number = 77')).toEqual([{ n: 1 }]);
    expect(await facts()).toEqual(before);
    expect(await slots()).toBe(0);
    expect(await databasesBeside(name)).toEqual([name, data.broken]);
    const after = await drydockJson(project, ['status', 'production']);
    expect(after.data.environments[0]).toMatchObject({ armed: null, drift: [] });
    const history = await drydockJson(project, ['history', 'production']);
    expect(history.data.brokenAt).toBeNull();
  });

  it('writes to a file what the old schema cannot hold, and says so by its exit status', async () => {
    await begin();
    await apply(...anyway);
    await run(`UPDATE users SET motto = 'mine' WHERE id = 7`);
    await run(`INSERT INTO users (id, full_name) VALUES (2000, 'no motto of its own')`);
    const { data, exit } = await drydockJson(project, answered());
    expect(exit).toBe(8);
    expect(data.salvaged).toMatchObject([{ table: 'public.users', rows: 1 }]);
    const lines = (await readFile(data.file, 'utf8')).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      {
        what: 'update',
        reason: 'the old schema has no column motto',
        row: { id: '7', motto: 'mine' },
      },
    ]);
    expect(await run('SELECT name FROM users WHERE id = 2000')).toHaveLength(1);
  });

  it('keeps what belongs into the file where that cannot be written, and goes on by the same command', async () => {
    await begin();
    await apply(...anyway);
    await run(`UPDATE users SET motto = 'mine' WHERE id = 7`);
    const [, copy] = await databasesBeside(name);
    const inTheWay = join(project.folder, `rescue_production_${copy}.jsonl`);
    await mkdir(inTheWay);
    const { failure } = await drydockJson(project, answered());
    expect(failure).toMatchObject({
      code: 'usage/cannot-write',
      state: expect.stringContaining('the rescued database is in place'),
    });
    expect((await readdir(project.folder)).filter((file) => file.includes('partial'))).toEqual([]);
    await rmdir(inTheWay);
    const { data } = await drydockJson(project, answered());
    expect(data.outcome).toBe('finished');
    expect(await readFile(data.file, 'utf8')).toContain('"mine"');
  });

  it('is given up where the change was not made', async () => {
    const before = await facts();
    await begin(bad.replace('COMMIT', 'DELETE FROM lines;\nSELECT pg_sleep(0.7);\nCOMMIT'));
    expect(await apply(...waived)).toBe(5);
    const status = await drydockJson(project, ['status', 'production']);
    expect(status.data.environments[0].armed).toBeNull();
    expect(await facts()).toEqual(before);
    expect(await slots()).toBe(0);
    expect(await databasesBeside(name)).toEqual([name]);
  });

  it('is refused while rows differ that nothing explains, and the live database is as before', async () => {
    await begin();
    await apply(...anyway);
    const [, copy = ''] = await databasesBeside(name);
    {
      await using other = await connect(database.address.withDatabase(copy), { purpose: 'test' });
      await other.execute(`UPDATE letters SET seen = 99 WHERE id = 5`);
    }
    const refused = await expectFailure(project, answered(), {
      exit: 8,
      code: 'rescue/unexplained-rows',
      names: ['public.letters', '["5"]'],
      hint: 'drydock rescue production --accept-unexplained',
    });
    expect(refused.failure?.details.unexplained).toMatchObject([
      { table: 'public.letters', rows: 1 },
    ]);
    expect(await run('SELECT full_name FROM users WHERE id = 1')).toHaveLength(1);
    const { exit } = await drydockJson(project, [...answered(), '--accept-unexplained']);
    expect(exit).toBe(0);
  });

  it('is refused where the migration touched rows too wide to be followed', async () => {
    await begin(`-- Wide.\nUPDATE letters SET seen = 5 WHERE id = 1;\n`);
    await apply(...anyway);
    await expectFailure(project, answered(), {
      exit: 8,
      code: 'rescue/unforeseen-table',
      names: ['letters'],
      hint: 'drydock recover production',
    });
  });

  it('gives its log up when a backup is restored instead', async () => {
    await begin();
    await apply(...anyway);
    const restore = ['restore', 'production', '--yes', '--confirm', name];
    const { exitCode, stderr } = await project.drydock(restore);
    expect(exitCode, stderr).toBe(0);
    expect(await slots()).toBe(0);
    const status = await drydockJson(project, ['status', 'production']);
    expect(status.data.environments[0]).toMatchObject({ armed: null, drift: [] });
  });

  it('is kept in step until Ctrl-C, and takes over from whoever follows', async () => {
    await begin(bad, 'off');
    const first = project.start(['arm', 'production', '--follow']);
    const stateOf = async (command: RunningCommand): Promise<string> => {
      const { data } = await drydockJson(project, ['status', 'production']);
      const { armed } = data.environments[0];
      return armed?.isFollowed === true ? 'followed' : command.said();
    };
    const patience = { timeout: 30_000, interval: 200 };
    await expect.poll(() => stateOf(first), patience).toBe('followed');
    expect((await first.signal('SIGINT')).exitCode).toBe(130);
    await apply(...anyway);
    await run(`UPDATE users SET full_name = 'written since' WHERE id = 2`);
    const second = project.start(['arm', 'production', '--follow']);
    await expect.poll(() => stateOf(second), patience).toBe('followed');
    const { exit, data, stderr } = await drydockJson(project, answered());
    expect(exit, stderr).toBe(0);
    expect(data.outcome).toBe('rescued');
    await expect.poll(() => second.said(), patience).toContain('rescue/stream-ended');
    expect(await run('SELECT name FROM users WHERE id = 2')).toEqual([{ name: 'written since' }]);
  });

  it('is given up by the monitoring before its log endangers the server, and people are told', async () => {
    const told: string[] = [];
    const team = createServer((request, response) => {
      request.on('data', (chunk) => told.push(String(chunk)));
      request.on('end', () => response.end());
    });
    await once(team.listen(0, '127.0.0.1'), 'listening');
    const { port } = team.address() as AddressInfo;
    const notify = [{ webhook: `http://127.0.0.1:${port}/alarm` }];
    await begin(bad, 'off', { notify });
    const watchOnce = ['monitor', 'production', '--once'];
    const armed = await project.drydock(['arm', 'production', '--cold']);
    // The server of the tests sets no limit of its own.
    expect(armed.stderr).toMatch(/At 1\.0 GB .*monitor.*fills its\s+disk/s);
    await project.drydock(watchOnce);
    expect(await slots()).toBe(1);
    // Other tests write to this server too: what is held is not this one's alone.
    await run('UPDATE drydock.rescue_runs SET log_limit = 1');
    const { stdout } = await project.drydock(['status', 'production']);
    expect(stdout).toMatch(/✗ armed since .*: [\d.]+ [kMG]?B of log held,\s+0 B left/);
    const { stdout: said, stderr } = await project.drydock(watchOnce);
    expect(`${said}${stderr}`).toMatch(/production was DISARMED: the server holds [\d.]+ [kMG]?B/);
    expect(told).toEqual([
      expect.stringMatching(/rescue given up.*No rescue is possible until: drydock arm production/),
    ]);
    team.close();
    expect(await slots()).toBe(0);
    const after = await drydockJson(project, ['status', 'production']);
    expect(after.data.environments[0]).toMatchObject({ armed: null, drift: [] });
  });

  it('leaves nothing where arming was killed, once it is given up', async () => {
    const before = await facts();
    await begin(bad, 'off');
    for (const ms of moments()) {
      const command = project.start(['arm', 'production']);
      await sleep(ms);
      await command.signal('SIGKILL');
      const { exitCode, stderr } = await project.drydock(['disarm', 'production']);
      // 2: it had not begun.
      expect([0, 2], stderr).toContain(exitCode);
      expect(await facts()).toEqual(before);
      expect(await slots()).toBe(0);
      expect(await databasesBeside(name)).toEqual([name]);
    }
    const status = await drydockJson(project, ['status', 'production']);
    expect(status.data.environments[0]).toMatchObject({ armed: null, drift: [] });
  });

  it('opens the database again that a killed one has closed, and finishes one that was swapped', async () => {
    await begin();
    await apply(...anyway);
    const closed = `ALTER DATABASE ${quoteIdentifier(name)} ALLOW_CONNECTIONS false`;
    await onServer(closed);
    await expectFailure(project, ['history', 'production'], {
      exit: 2,
      code: 'postgres/closed',
      names: [name],
      hint: 'drydock rescue',
    });
    const { exit, data, stderr } = await drydockJson(project, answered());
    expect(exit, stderr).toBe(0);
    expect(stderr).toContain('it is open again');
    // As if it had been killed right behind the swap.
    const { slot } = (await run<{ slot: string }>('SELECT slot FROM drydock.rescue_runs'))[0] ?? {};
    await run('CREATE SCHEMA drydock_replay');
    await run(
      'CREATE TABLE drydock_replay.salvage (id int, "table" text, what text, reason text, "row" jsonb, was jsonb)',
    );
    await run(
      `INSERT INTO drydock_replay.salvage VALUES (1, 'public.users', 'insert', 'so', '{}', NULL)`,
    );
    await run(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
    const again = await drydockJson(project, answered());
    expect(again.data).toMatchObject({ outcome: 'finished' });
    expect(again.exit).toBe(8);
    expect(await readFile(again.data.file, 'utf8')).toContain('public.users');
    expect(await slots()).toBe(0);
    expect(await databasesBeside(name)).toEqual([name, data.broken]);
    await expectFailure(project, answered(), {
      exit: 2,
      code: 'rescue/not-armed',
      names: ['production'],
      hint: 'drydock recover production',
    });
  });

  it('goes on after a kill at any moment, and what is given up leaves nothing', async () => {
    await begin(bad, 'cold');
    await apply(...anyway);
    await run(`UPDATE users SET full_name = 'written since' WHERE id = 2`);
    let isRescued = false;
    for (const ms of moments()) {
      const command = project.start(answered());
      await sleep(ms);
      const { stderr } = await command.signal('SIGKILL');
      const [row] = await project
        .drydock(['status', 'production', '--json'])
        .then(({ stdout }) => JSON.parse(stdout).data.environments);
      // Behind the fence for a moment, rescued already, or as before: never anything else.
      isRescued = row.problem === null && row.armed === null;
      if (isRescued) break;
      expect(stderr).not.toContain('✗ ');
    }
    const { exitCode, stderr } = await project.drydock(answered());
    // 2: there is nothing left to do.
    expect(exitCode === 0 || (isRescued && exitCode === 2), stderr).toBe(true);
    expect(await run('SELECT name, tier FROM users WHERE id = 2')).toEqual([
      { name: 'written since', tier: 'gold' },
    ]);
    expect(await run('SELECT tier FROM users WHERE tier IS NULL')).toEqual([]);
    await project.drydock(['disarm', 'production']);
    expect(await slots()).toBe(0);
    const left = await readdir(join(project.folder));
    expect(left.filter((file) => file.startsWith('.'))).toEqual([]);
  });
});

// Spread over the time that a rescue takes here; `script/soak rescue` takes many more.
function moments(): readonly number[] {
  const count = Number(process.env.RESCUE_KILLS ?? 4);
  const seed = Number(process.env.RESCUE_SEED ?? 7);
  const times = Array.from({ length: count }, (_, at) => 300 + (((at + 1) * seed * 7_919) % 2_400));
  // The short ones first: one that comes to its end is the last.
  return times.sort((a, b) => a - b);
}
