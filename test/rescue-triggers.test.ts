// A rescue by triggers through the command line: whatever the application does, and however its sessions are set,
// is captured; a kill leaves what the same command or `disarm` mends; a log that is full gives the rescue up.
// That no write is lost under load is shown by test/judge/rescue.test.ts.

import { existsSync, mkdtempSync, rmdirSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { quoteIdentifier } from '../src/postgres/address.ts';
import { connect } from '../src/postgres/connect.ts';
import { schemaFacts } from '../src/postgres/fingerprint.ts';
import { type CommandProject, commandProject, drydockJson, expectFailure } from './command.ts';
import {
  databasesBeside,
  dropBeside,
  onServer,
  type TestDatabase,
  testDatabase,
} from './database.ts';

const sql = `
  CREATE TABLE users (id int PRIMARY KEY, name text, tier text);
  CREATE TABLE "Odd ""Names""" ("a b" text PRIMARY KEY, "SELECT" text);
  CREATE TABLE lines (body text, number int);
  CREATE TABLE facts (id int PRIMARY KEY, f float8, at timestamptz, took interval, bytes bytea, price money, tags text[],
                      doc jsonb, twice float8 GENERATED ALWAYS AS (f * 2) STORED);
  CREATE TABLE events (day int, id int, payload text, PRIMARY KEY (day, id)) PARTITION BY RANGE (day);
  CREATE TABLE events_early PARTITION OF events FOR VALUES FROM (0) TO (5);
  CREATE TABLE events_late (day int NOT NULL, id int NOT NULL, payload text, PRIMARY KEY (day, id));
  CREATE TABLE parents (id int PRIMARY KEY, children int NOT NULL DEFAULT 0);
  CREATE TABLE children (id int PRIMARY KEY, parent int REFERENCES parents ON DELETE CASCADE, turn int);
  CREATE TABLE emptied (id int PRIMARY KEY);
  CREATE TABLE emptied_too (id int REFERENCES emptied);
  -- The trigger of each row writes to the other rows of the statement, and makes a child of it.
  CREATE FUNCTION count_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE parents SET children = children + 1 WHERE id <> NEW.id;
    INSERT INTO children VALUES (NEW.id * 10, NEW.id, pg_trigger_depth());
    RETURN NULL;
  END $$;
  CREATE TRIGGER count_up AFTER INSERT ON parents FOR EACH ROW EXECUTE FUNCTION count_up();
  INSERT INTO users SELECT n, 'name ' || n, 'gold' FROM generate_series(1, 500) n;
  INSERT INTO lines SELECT 'line ' || n % 10, n % 10 FROM generate_series(1, 100) n;
  INSERT INTO facts (id, f) SELECT n, n + 0.1 FROM generate_series(1, 10) n;
  INSERT INTO emptied SELECT generate_series(1, 10);
  INSERT INTO emptied_too SELECT generate_series(1, 10);
  ANALYZE`;

const bad = `-- A bad day.
BEGIN;
UPDATE users SET tier = NULL WHERE id % 2 = 0;
ALTER TABLE users DROP COLUMN name;
ALTER TABLE users ADD COLUMN motto text DEFAULT 'none';
UPDATE users SET motto = 'bad' WHERE id % 5 = 0;
ALTER TABLE users DISABLE TRIGGER USER;
ALTER TABLE users ENABLE TRIGGER USER;
CREATE TABLE shipments (id int PRIMARY KEY);
COMMIT;
`;

// What the application does after it: each line is a transaction.
const work = [
  `UPDATE users SET motto = 'mine' WHERE id = 7`,
  `UPDATE users SET tier = 'silver' WHERE id = 2`,
  `INSERT INTO shipments VALUES (1)`,
  `INSERT INTO "Odd ""Names""" VALUES ('q"u,o(te\\', 'back\\slash'), ('', NULL)`,
  `UPDATE "Odd ""Names""" SET "a b" = ' )' WHERE "a b" = ''`,
  `UPDATE lines SET number = 77 WHERE ctid = (SELECT ctid FROM lines WHERE number = 3 LIMIT 1)`,
  `DELETE FROM lines WHERE ctid = (SELECT ctid FROM lines WHERE number = 4 LIMIT 1)`,
  `COPY users (id, tier, motto) FROM PROGRAM 'printf "1001\\tsilver\\tnone\\n1002\\t\\\\\\\\N\\tnone\\n"'`,
  `INSERT INTO events VALUES (1, 1, 'early')`,
  `ALTER TABLE events_late ADD CHECK (day >= 5 AND day < 10); ALTER TABLE events ATTACH PARTITION events_late FOR VALUES FROM (5) TO (10)`,
  `UPDATE events SET day = 7 WHERE day = 1`,
  `CREATE TABLE events_new PARTITION OF events FOR VALUES FROM (10) TO (15); INSERT INTO events VALUES (11, 1, 'new')`,
  `INSERT INTO parents (id) VALUES (1), (2), (3)`,
  `DELETE FROM parents WHERE id = 2`,
  `TRUNCATE emptied, emptied_too; INSERT INTO emptied VALUES (1); INSERT INTO emptied_too VALUES (1)`,
  `SET session_replication_role = replica; INSERT INTO users (id, tier) VALUES (1003, 'replica'); RESET session_replication_role`,
  `BEGIN; SAVEPOINT a; UPDATE users SET tier = 'never'; ROLLBACK TO a; UPDATE users SET tier = 'iron' WHERE id = 9; COMMIT`,
  `SET extra_float_digits = -5; SET datestyle = 'German'; SET timezone = 'Asia/Tokyo'; SET intervalstyle = 'sql_standard';
   SET bytea_output = 'escape';
   UPDATE facts SET f = 0.30000000000000004, at = '2024-02-03 04:05:06.123456+00', took = '1 year 2 days 03:04:05', bytes = '\\x00ff41',
     price = 12.34, tags = ARRAY['a "b"', NULL, '{}', ''], doc = '{"n": 0.30000000000000004, "t": "\\u00e9\\n"}' WHERE id = 1`,
  'DELETE FROM facts WHERE id = 2',
];

const question = `SELECT (SELECT jsonb_agg(u ORDER BY id) FROM (SELECT id, tier FROM users WHERE id IN (2, 4, 7, 9, 1001, 1002, 1003)) u) AS users,
  (SELECT jsonb_agg(o ORDER BY "a b") FROM "Odd ""Names""" o) AS odd,
  (SELECT jsonb_object_agg(number, n) FROM (SELECT number, count(*) AS n FROM lines GROUP BY 1) l) AS lines,
  (SELECT f::text || at::text || took::text || bytes::text || price::text || tags::text || doc::text || twice::text FROM facts WHERE id = 1) AS facts,
  (SELECT count(*)::int FROM facts) AS "factCount",
  (SELECT jsonb_agg(p ORDER BY id) FROM parents p) AS parents,
  (SELECT jsonb_agg(c ORDER BY id) FROM children c) AS children,
  (SELECT count(*)::int FROM emptied) AS emptied, (SELECT count(*)::int FROM emptied_too) AS "emptiedToo"`;

let database: TestDatabase;
let project: CommandProject;
let name: string;

async function begin(rescue: object = {}, migration = bad, more: object = {}): Promise<void> {
  project = await commandProject({
    databases: { production: database.address.connectionString() },
    rules: {
      production: {
        guarded: true,
        rescue: { copy: 'warm', capture: 'triggers', ...rescue },
        ...more,
      },
    },
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

async function run<Row extends object>(statement: string): Promise<Row[]> {
  await using session = await connect(database.address, { purpose: 'test' });
  return await session.query<Row>(statement);
}

async function facts(): Promise<readonly string[]> {
  await using session = await connect(database.address, { purpose: 'test' });
  return (await schemaFacts(session)).map(({ fact, definition }) => `${fact} ${definition}`);
}

// Nothing of Drydock's is left that captures, or that was captured.
async function isBare(): Promise<boolean> {
  const [row] = await run<{ bare: boolean }>(
    `SELECT NOT EXISTS (SELECT FROM pg_trigger WHERE tgfoid::regproc::text ~ 'rescue_(capture|mark)')
            AND NOT EXISTS (SELECT FROM drydock.rescue_log) AS bare`,
  );
  return row?.bare === true;
}

const waived = [
  ...['check-clean', 're-runnable', 'no-destructive-statements', 'queries-still-work'],
  ...['monitoring-ready', 'rehearsed-within-budget', 'way-back-ready'],
].flatMap((gate) => ['--waive', `${gate}=it is bad on purpose`]);

async function apply(): Promise<void> {
  const { exitCode, stderr } = await project.drydock([
    ...['apply', 'production', '--told-by', 'Ana', '--yes', '--confirm', name, ...waived],
  ]);
  if (exitCode !== 0) throw new Error(stderr);
}

async function armed(): Promise<{ readonly [key: string]: unknown } | null> {
  const { data } = await drydockJson(project, ['status', 'production']);
  return data.environments[0].armed;
}

// One moves the children away from a parent that another one is deleting: the deletion is begun first, waits, and
// finds no children. Played the other way round it would take them with it.
async function moveAway(): Promise<void> {
  await using mover = await connect(database.address, { purpose: 'test' });
  await using remover = await connect(database.address, { purpose: 'test' });
  await mover.execute('BEGIN; UPDATE children SET parent = 99 WHERE parent = 98');
  const removed = remover.execute('DELETE FROM parents WHERE id = 98');
  const waits = (): Promise<object[]> =>
    run(`SELECT FROM pg_stat_activity WHERE pid = ${remover.pid} AND wait_event_type = 'Lock'`);
  await expect.poll(waits).toHaveLength(1);
  await mover.execute(`UPDATE users SET tier = 'moved' WHERE id = 1; COMMIT`);
  await removed;
}

// Moves children between parents that others delete, makes parents and keys that others have just freed, and
// keeps its locks for a while; returns how many transactions came through.
async function inTheWay(seed: number, signal: AbortSignal): Promise<number> {
  await using session = await connect(database.address, { purpose: 'test' });
  await session.execute(`SET deadlock_timeout = '20ms'`);
  let state = seed + 1;
  const draw = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  const parent = (): number => 100 + draw(30);
  const statements = [
    () =>
      `UPDATE children SET parent = ${parent()}, turn = ${draw(1_000)} WHERE parent = ${parent()}`,
    () => `DELETE FROM parents WHERE id IN (${parent()}, ${parent()})`,
    () => `INSERT INTO parents (id) VALUES (${parent()}), (${parent()}) ON CONFLICT DO NOTHING`,
    () => `UPDATE children SET turn = turn + 1 WHERE id % 7 = ${draw(7)}`,
    () => `DELETE FROM children WHERE parent = ${parent()}`,
    () => `UPDATE users SET tier = '${draw(1_000)}' WHERE id < ${draw(9)}`,
    () => `INSERT INTO "Odd ""Names""" VALUES ('${draw(5)}', '${draw(99)}')`,
    () => `DELETE FROM "Odd ""Names""" WHERE "a b" = '${draw(5)}'`,
    () => `SELECT pg_sleep(0.003)`,
  ];
  let committed = 0;
  while (!signal.aborted) {
    const work = Array.from({ length: 1 + draw(4) }, () => statements[draw(9)]?.() ?? '');
    try {
      await session.execute(['BEGIN', ...work, 'COMMIT'].join(';'));
      committed += 1;
    } catch {
      // A deadlock, a parent that is gone, a key that is taken.
      await session.execute('ROLLBACK');
    }
  }
  return committed;
}

const answered = (): readonly string[] => ['rescue', 'production', '--yes', '--confirm', name];

describe('a rescue by triggers', () => {
  it('brings back whatever was written, however the sessions were set', async () => {
    const before = await facts();
    await begin();
    await apply();
    for (const line of work) await run(line);
    const there = await run(question);
    expect(await armed()).toMatchObject({ capture: 'triggers', isLost: false, hasCopy: true });
    const { data, exit, stderr } = await drydockJson(project, answered());
    // 8: a motto, a shipment and a row of a new partition have no place in the old schema.
    expect(exit, stderr).toBe(8);
    expect(data.comparison.unexplained).toEqual([]);
    expect(data.salvaged).toMatchObject([
      { table: 'public.events_new', rows: 1 },
      { table: 'public.shipments', rows: 1 },
      { table: 'public.users', rows: 1 },
    ]);
    const [here] = await run<{ users: readonly { id: number }[] }>(question);
    const [live] = there as { users: readonly { id: number }[] }[];
    // The migration's own doing is gone; the rest is what the application saw.
    expect(here).toEqual({
      ...live,
      users: live?.users.map((user) => (user.id === 4 ? { id: 4, tier: 'gold' } : user)),
    });
    expect(await facts()).toEqual(before);
    expect(await isBare()).toBe(true);
    expect(await armed()).toBeNull();
  });

  it('is not seen in schema, backup and proof, and says before what it costs', async () => {
    const before = await facts();
    await begin();
    const { stderr, exit } = await drydockJson(project, ['arm', 'production']);
    expect(exit, stderr).toBe(0);
    expect(stderr).toMatch(/captured by triggers on all \d+ tables .* twice the CPU/s);
    expect(await facts()).toEqual(before);
    await run(`UPDATE users SET tier = 'x' WHERE id = 1`);
    expect(await armed()).toMatchObject({ state: 'armed', heldRows: 1 });
    const { data } = await drydockJson(project, ['status', 'production']);
    expect(data.environments[0].drift).toEqual([]);
    // What a load leaves that was killed long ago, and one of now.
    const [old, young] = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'drydock-list-')));
    utimesSync(old ?? '', 0, 0);
    for (const command of ['backup', 'prove']) {
      const { exitCode, stderr: said } = await project.drydock([command, 'production']);
      expect(exitCode, said).toBe(0);
    }
    expect([old, young].map((folder) => existsSync(folder ?? ''))).toEqual([false, true]);
    rmdirSync(young ?? '');
    const copy = await project.drydock(['rehearse', 'production', '--from', 'schema']);
    expect(copy.stderr).not.toContain('does not exist');
    expect((await project.drydock(['disarm', 'production'])).exitCode).toBe(0);
    expect(await facts()).toEqual(before);
    expect(await isBare()).toBe(true);
  });

  it('plays writers that get into each other’s way in the order in which they did', async () => {
    await run(`INSERT INTO parents (id) SELECT generate_series(98, 130)`);
    await begin({ copy: 'off' });
    await project.drydock(['arm', 'production', '--cold']);
    await moveAway();
    const stop = new AbortController();
    const writers = Array.from({ length: 6 }, (_, seed) => inTheWay(seed, stop.signal));
    await sleep(Number(process.env.RESCUE_CONFLICT_MS ?? 2_000));
    stop.abort();
    const committed = (await Promise.all(writers)).reduce((sum, each) => sum + each, 0);
    expect(committed).toBeGreaterThan(100);
    const { data, exit, stderr } = await drydockJson(project, answered());
    expect(exit, stderr).toBe(0);
    // Nothing was migrated: a row that differs, or that did not fit, was played in another order.
    expect(data).toMatchObject({ salvaged: [], comparison: { explained: 0, unexplained: [] } });
  });

  it('stands beside an undo: what is taken back in place is not captured as the application’s', async () => {
    const before = await facts();
    const drops = `-- Drops.\nUPDATE users SET tier = 'worse' WHERE id < 9;\nDROP TABLE emptied_too;\nALTER TABLE users DROP COLUMN name;\n`;
    await begin({}, drops, { undo: true });
    await apply();
    await run(`UPDATE users SET tier = 'mine' WHERE id = 3`);
    const undone = await project.drydock(['undo', 'production', '--yes', '--confirm', name]);
    expect(undone.exitCode, undone.stderr).toBe(0);
    expect(await facts()).toEqual(before);
    await run(`UPDATE users SET name = 'mine' WHERE id = 4`);
    await run('DELETE FROM emptied_too WHERE id = 1');
    expect(await armed()).toMatchObject({ isLost: false });
    const { data, exit, stderr } = await drydockJson(project, answered());
    expect(exit, stderr).toBe(0);
    expect(data.comparison).toMatchObject({ explained: 0, unexplained: [] });
    expect(await run('SELECT id, name, tier FROM users WHERE id IN (3, 4) ORDER BY id')).toEqual([
      { id: 3, name: 'name 3', tier: 'mine' },
      { id: 4, name: 'mine', tier: 'gold' },
    ]);
    expect(await run('SELECT FROM emptied_too')).toHaveLength(9);
  });

  it('is given up when its log is full, and the application goes on', async () => {
    await begin({ logLimit: '1MB' });
    await project.drydock(['arm', 'production', '--cold']);
    for (let round = 0; round < 5; round += 1) await run(`UPDATE users SET tier = tier || 'x'`);
    expect(await armed()).toMatchObject({ isLost: false });
    for (let round = 0; round < 40; round += 1) await run(`UPDATE users SET tier = tier || 'x'`);
    const now = await armed();
    expect(now).toMatchObject({ isLost: true });
    // It is looked at every 256 changes, and nothing comes after.
    expect(now?.heldBytes).toBeLessThan(2 * 1024 ** 2);
    const refused = { exit: 8, code: 'rescue/capture-lost', hint: 'drydock disarm production' };
    await expectFailure(project, answered(), { ...refused, names: ['1.0 MB'] });
    const follow = ['arm', 'production', '--follow'];
    await expectFailure(project, follow, {
      ...refused,
      code: 'rescue/given-up',
      state: 'Nothing was changed.',
      names: ['is full'],
      hint: 'drydock arm production',
    });
    expect(await isBare()).toBe(true);
  });

  it('is refused when somebody has switched a trigger off', async () => {
    await begin();
    await project.drydock(['arm', 'production', '--cold']);
    await run('ALTER TABLE lines DISABLE TRIGGER USER');
    expect(await armed()).toMatchObject({ isLost: true });
    await expectFailure(project, answered(), {
      exit: 8,
      code: 'rescue/capture-lost',
      names: ['a table lost its triggers'],
      hint: 'drydock disarm production',
    });
  });

  it('leaves nothing where arming was killed, once it is given up', async () => {
    const before = await facts();
    await begin();
    for (const ms of moments(300)) {
      const command = project.start(['arm', 'production']);
      await sleep(ms);
      await command.signal('SIGKILL');
      const { exitCode, stderr } = await project.drydock(['disarm', 'production']);
      // 2: it had not begun.
      expect([0, 2], stderr).toContain(exitCode);
      expect(await facts()).toEqual(before);
      expect(await databasesBeside(name)).toEqual([name]);
      if (exitCode === 0) expect(await isBare()).toBe(true);
    }
    expect(await armed()).toBeNull();
  });

  it('goes on after a kill at any moment', async () => {
    await begin({ copy: 'cold' });
    await apply();
    await run(`UPDATE users SET tier = 'written since' WHERE id = 2`);
    let isRescued = false;
    for (const ms of moments(600)) {
      const command = project.start(answered());
      await sleep(ms);
      await command.signal('SIGKILL');
      const { data } = await drydockJson(project, ['status', 'production']);
      isRescued = data.environments[0].problem === null && data.environments[0].armed === null;
      if (isRescued) break;
    }
    const { exitCode, stderr } = await project.drydock(answered());
    // 2: there is nothing left to do.
    expect(exitCode === 0 || (isRescued && exitCode === 2), stderr).toBe(true);
    expect(await run('SELECT tier FROM users WHERE id IN (2, 4) ORDER BY id')).toEqual([
      { tier: 'written since' },
      { tier: 'gold' },
    ]);
    await project.drydock(['disarm', 'production']);
    expect(await isBare()).toBe(true);
  });

  it('is kept in step until a rescue takes over', async () => {
    await begin({ copy: 'off' });
    const follower = project.start(['arm', 'production', '--follow']);
    const patience = { timeout: 30_000, interval: 200 };
    await expect.poll(async () => (await armed())?.isFollowed, patience).toBe(true);
    await run(`UPDATE users SET tier = 'silver' WHERE id = 2`);
    const { exit, stderr } = await drydockJson(project, answered());
    expect(exit, stderr).toBe(0);
    await expect.poll(() => follower.said(), patience).toContain('rescue/stream-ended');
    expect(await run('SELECT tier FROM users WHERE id = 2')).toEqual([{ tier: 'silver' }]);
  });

  it('opens the database again that a killed one has closed', async () => {
    await begin({ copy: 'off' });
    await project.drydock(['arm', 'production']);
    await onServer(`ALTER DATABASE ${quoteIdentifier(name)} ALLOW_CONNECTIONS false`);
    const { exitCode, stderr } = await project.drydock(['disarm', 'production']);
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toContain('it is open again');
  });
});

// Spread over the time that it takes here; `script/soak rescue` takes many more.
function moments(from: number): readonly number[] {
  const count = Number(process.env.RESCUE_KILLS ?? 2);
  const seed = Number(process.env.RESCUE_SEED ?? 5);
  const times = Array.from(
    { length: count },
    (_, at) => from + (((at + 1) * seed * 7_919) % 2_400),
  );
  return times.sort((a, b) => a - b);
}
