// The traps that a rescue was built around, each sprung on a real server: docs/rescue-traps.md names them.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quietContext } from '../src/core/context.ts';
import { connect } from '../src/postgres/connect.ts';
import type { ArmReport } from '../src/process/arming.ts';
import { disarmEnvironment } from '../src/process/disarming.ts';
import type { RescueReport } from '../src/process/rescuing.ts';
import { type SandboxServer, startServer } from '../src/sandbox/server.ts';
import { type TestDatabase, testDatabase } from './database.ts';
import { type RescueProject, rescueProject, type SalvagedLine } from './rescue-project.ts';

describe('what is written while a rescue is armed', () => {
  const schema = `
    CREATE TABLE kinds (id int PRIMARY KEY, ratio float8, at timestamptz, span interval, raw bytea, day date, paid money, spoilt int);
    CREATE TABLE letters (id int PRIMARY KEY, seen int, body text);
    ALTER TABLE letters ALTER body SET STORAGE EXTERNAL;
    CREATE TABLE emptied (id int PRIMARY KEY);
    CREATE TABLE balances (id int PRIMARY KEY, amount numeric);
    CREATE TABLE places (region int, id int, name text, PRIMARY KEY (region, id)) PARTITION BY LIST (region);
    CREATE TABLE places_1 PARTITION OF places FOR VALUES IN (1);
    CREATE TABLE places_2 PARTITION OF places FOR VALUES IN (2);
    CREATE UNLOGGED TABLE sessions (id int PRIMARY KEY);
    CREATE TABLE files (id int PRIMARY KEY, content oid);
    CREATE SEQUENCE tickets;
    SELECT lo_create(0);
    INSERT INTO kinds SELECT n, n, '2026-01-01', '1 day', 'x', '2026-02-01', 1 FROM generate_series(1, 5) n;
    INSERT INTO letters SELECT n, 0, repeat(md5(n::text), 50) FROM generate_series(1, 5) n;
    INSERT INTO emptied SELECT generate_series(1, 5);
    INSERT INTO balances VALUES (1, 9364.917), (2, 10.5), (3, 7), (4, 20.25);
    INSERT INTO places VALUES (1, 1, 'a'), (1, 2, 'b'), (2, 3, 'c');
    INSERT INTO sessions VALUES (1);
    SELECT setval('tickets', 100)`;

  let one: RescueProject;
  let armed: ArmReport | null;
  let report: RescueReport;
  let live: { readonly lastTicket: number };

  beforeAll(async () => {
    const { address } = await testDatabase({ sql: schema });
    one = rescueProject(address);
    // What the application likes to read, and would be read by whoever follows it.
    for (const setting of [
      'extra_float_digits = -5',
      "datestyle = 'SQL, DMY'",
      "intervalstyle = 'sql_standard'",
      "bytea_output = 'escape'",
      "timezone = 'Asia/Kathmandu'",
    ]) {
      await one.run(`ALTER DATABASE "${address.database}" SET ${setting}`);
    }
    armed = await one.arm();
    await one.apply(`BEGIN; UPDATE kinds SET spoilt = 1; UPDATE letters SET seen = -1;
      UPDATE balances SET amount = round(amount); UPDATE places SET name = 'spoilt'; DELETE FROM emptied WHERE id = 1; COMMIT;`);
    await one.run(`UPDATE kinds SET ratio = 0.1::float8 + 0.2::float8, at = '2026-03-04 05:06:07.891+00', span = '1 mon 2 days 03:04:05.678',
        raw = '\\x00ff5c27', day = '2026-12-11', paid = 1234.5 WHERE id = 2`);
    await one.run('UPDATE letters SET seen = 7 WHERE id = 3');
    await one.run('TRUNCATE emptied; INSERT INTO emptied VALUES (77)');
    // What the migration had put there already, and what is another value.
    await one.run(
      'UPDATE balances SET amount = 9365 WHERE id = 1; UPDATE balances SET amount = 12 WHERE id = 2; UPDATE balances SET amount = amount + 5 WHERE id = 4',
    );
    await one.run(
      "UPDATE places SET region = 2, name = 'moved' WHERE id = 2; UPDATE places SET name = 'c2' WHERE id = 3",
    );
    await one.run(
      "INSERT INTO sessions VALUES (2); INSERT INTO files VALUES (1, lo_from_bytea(0, 'abc'))",
    );
    await one.run("SELECT nextval('tickets'), nextval('tickets')");
    [live] = (await one.run<{ lastTicket: number }>(
      'SELECT last_value::int AS "lastTicket" FROM tickets',
    )) as [typeof live];
    report = await one.rescue();
    expect(report.outcome).toBe('rescued');
  }, 120_000);
  afterAll(() => one[Symbol.asyncDispose]());

  it('comes as it was, whatever the database prints and reads', async () => {
    const [row] =
      await one.run(`SELECT ratio = 0.1::float8 + 0.2::float8 AS ratio, at = '2026-03-04 05:06:07.891+00' AS at,
        span::text = '1 mon 2 days 03:04:05.678'::interval::text AS span, raw = '\\x00ff5c27' AS raw,
        day = date '2026-12-11' AS day, paid = 1234.5::money AS paid, spoilt IS NULL AS unspoilt FROM kinds WHERE id = 2`);
    expect(row).toEqual({
      ratio: true,
      at: true,
      span: true,
      raw: true,
      day: true,
      paid: true,
      unspoilt: true,
    });
  });

  it('keeps a large value that an update has not touched', async () => {
    expect(
      await one.run(
        'SELECT seen, body = repeat(md5($$3$$), 50) AS whole FROM letters WHERE id = 3',
      ),
    ).toEqual([{ seen: 7, whole: true }]);
  });

  it('empties a table that was emptied', async () => {
    expect(await one.run('SELECT id FROM emptied')).toEqual([{ id: 77 }]);
  });

  it('cannot be seen where it changed nothing, and is kept where it did', async () => {
    expect(await one.run('SELECT id, amount::text FROM balances WHERE id < 4 ORDER BY id')).toEqual(
      [
        { id: 1, amount: '9364.917' },
        { id: 2, amount: '12' },
        { id: 3, amount: '7' },
      ],
    );
  });

  it('is played as it was written where it was computed from a spoilt value', async () => {
    expect(await one.run('SELECT amount::text FROM balances WHERE id = 4')).toEqual([
      { amount: '25' },
    ]);
  });

  it('follows a row to another partition', async () => {
    expect(
      await one.run('SELECT tableoid::regclass::text AS "table", id, name FROM places ORDER BY id'),
    ).toEqual([
      { table: 'places_1', id: 1, name: 'a' },
      { table: 'places_2', id: 2, name: 'moved' },
      { table: 'places_2', id: 3, name: 'c2' },
    ]);
  });

  it('gives no number of a sequence out again', async () => {
    const [next] = await one.run<{ next: number }>("SELECT nextval('tickets')::int AS next");
    expect(next?.next).toBeGreaterThan(live.lastTicket);
  });

  it('is left out, and named when it is armed, in unlogged tables and large objects', async () => {
    expect(armed?.limits).toEqual(
      expect.arrayContaining([
        expect.stringContaining('unlogged sessions'),
        expect.stringContaining('large objects'),
      ]),
    );
    expect(await one.run('SELECT id FROM sessions WHERE id = 2')).toEqual([]);
    expect(
      await one.run(
        'SELECT count(*)::int AS missing FROM files f LEFT JOIN pg_largeobject_metadata l ON l.oid = f.content WHERE l.oid IS NULL',
      ),
    ).toEqual([{ missing: 1 }]);
  });
});

describe('what the old schema cannot hold', () => {
  const schema = `
    CREATE TYPE tier AS ENUM ('silver');
    CREATE TABLE users (id int PRIMARY KEY, age int, tier tier, name text NOT NULL);
    CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users);
    INSERT INTO users SELECT n, n, 'silver', 'n' || n FROM generate_series(1, 20) n`;
  const migration = `ALTER TYPE tier ADD VALUE 'gold';
    BEGIN;
    CREATE TABLE shipments (id int PRIMARY KEY);
    ALTER TABLE users ADD COLUMN motto text;
    ALTER TABLE users ALTER age TYPE text;
    ALTER TABLE users ALTER name DROP NOT NULL;
    DELETE FROM users WHERE id = 10;
    INSERT INTO users (id, age, name) VALUES (900, '1', 'ghost');
    COMMIT;`;
  const cases = {
    'a value of a new column': [
      "UPDATE users SET motto = 'mine' WHERE id = 1",
      'public.users',
      { motto: 'mine' },
    ],
    'a value that the old type refuses': [
      "UPDATE users SET age = 'old' WHERE id = 2",
      'public.users',
      { age: 'old' },
    ],
    'a new label of an enum': [
      "UPDATE users SET tier = 'gold' WHERE id = 3",
      'public.users',
      { tier: 'gold' },
    ],
    'NULL where the old column has none': [
      'UPDATE users SET name = NULL WHERE id = 4',
      'public.users',
      { id: '4', name: null },
    ],
    'a key that the migration had freed': [
      "INSERT INTO users (id, age, name) VALUES (10, '10', 'again')",
      'public.users',
      { id: '10', name: 'again' },
    ],
    'a child of a row that the migration made': [
      'INSERT INTO orders VALUES (1, 900)',
      'public.orders',
      { user_id: '900' },
    ],
    'a change of a row that the migration made': [
      "UPDATE users SET name = 'mine' WHERE id = 900",
      'public.users',
      { id: '900', name: 'mine' },
    ],
    'a row of a new table': ['INSERT INTO shipments VALUES (7)', 'public.shipments', { id: '7' }],
  } as const;

  let one: RescueProject;
  let report: RescueReport;
  let lines: readonly SalvagedLine[];

  beforeAll(async () => {
    const { address } = await testDatabase({ sql: schema });
    one = rescueProject(address);
    await one.arm();
    await one.apply(migration);
    for (const [sql] of Object.values(cases)) await one.run(sql);
    // The rest of such a transaction is played.
    await one.run(
      "BEGIN; UPDATE users SET name = 'kept' WHERE id = 5; UPDATE users SET motto = 'mine' WHERE id = 6; COMMIT",
    );
    report = await one.rescue();
    lines = one.salvaged(report);
  }, 120_000);
  afterAll(() => one[Symbol.asyncDispose]());

  it.each(Object.entries(cases))('goes to the file: %s', (_what, [, table, row]) => {
    expect(lines).toContainEqual(
      expect.objectContaining({ table, row: expect.objectContaining(row) }),
    );
  });

  it('is counted, and stays in the old database', async () => {
    expect(report.salvaged.reduce((sum, { rows }) => sum + rows, 0)).toBe(lines.length);
    expect(lines).toHaveLength(Object.keys(cases).length + 1);
    expect(report.broken).not.toBeNull();
    expect(await one.run('SELECT name FROM users WHERE id IN (5, 10) ORDER BY id')).toEqual([
      { name: 'kept' },
      { name: 'n10' },
    ]);
  });
});

describe('a server of its own settings', () => {
  let server: SandboxServer;
  let database: TestDatabase['address'];

  beforeAll(async () => {
    const settings = {
      ...{ wal_level: 'logical', max_wal_senders: '6', max_replication_slots: '6' },
      ...{ max_prepared_transactions: '2', max_slot_wal_keep_size: '1MB', min_wal_size: '2MB' },
    };
    server = await startServer(quietContext(), { purpose: 'traps', settings, maxConnections: 60 });
    database = server.address('postgres');
  }, 60_000);
  afterAll(() => server.stop());

  async function begin(name: string): Promise<RescueProject> {
    await using outer = await connect(database, { purpose: 'test' });
    await outer.execute(`CREATE DATABASE ${name}`);
    const one = rescueProject(server.address(name));
    await one.run(
      'CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1, $$a$$)',
    );
    return one;
  }

  it('refuses to arm over a prepared transaction, which no stream brings', async () => {
    await using one = await begin('prepared');
    await one.run("BEGIN; INSERT INTO users VALUES (2, 'b'); PREPARE TRANSACTION 'half'");
    await expect(one.arm()).rejects.toMatchObject({
      code: 'rescue/prepared-transactions',
      message: expect.stringContaining('half'),
    });
    await one.run("ROLLBACK PREPARED 'half'");
  });

  it('names the readers of other slots, who stay with the old database', async () => {
    await using one = await begin('others');
    await one.run("SELECT pg_create_logical_replication_slot('warehouse', 'pgoutput')");
    const armed = await one.arm();
    expect(armed?.limits).toContainEqual(expect.stringContaining('the readers of warehouse'));
    await disarmEnvironment(one.project, { environment: 'live' });
    await one.run("SELECT pg_drop_replication_slot('warehouse')");
  });

  it('says so where the server has given up the log, and leaves the database as it is', async () => {
    await using one = await begin('lost');
    await one.arm();
    expect(one.project.context.events).toContainEqual({
      kind: 'note',
      text: expect.stringContaining('At 1.0 MB (max_slot_wal_keep_size) the rescue is lost'),
    });
    await one.apply("UPDATE users SET name = 'spoilt';");
    for (let file = 0; file < 6; file += 1)
      await one.run(
        'SELECT pg_switch_wal(); CREATE TABLE IF NOT EXISTS filler (t text); INSERT INTO filler SELECT repeat(md5(n::text), 20) FROM generate_series(1, 3000) n',
      );
    await one.run('CHECKPOINT');
    await expect(one.rescue()).rejects.toMatchObject({ code: 'rescue/slot-lost' });
    expect(await one.run('SELECT name FROM users')).toEqual([{ name: 'spoilt' }]);
  });
});
