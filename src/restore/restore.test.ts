import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backUpOptions } from '../../test/backups.ts';
import {
  onServer,
  serverAddress,
  type TestDatabase,
  testContext,
  testDatabase,
} from '../../test/database.ts';
import richDatabase from '../../test/rich-database.sql';
import { type BackUpOptions, backUp } from '../backup/back-up.ts';
import type { Backup, Manifest } from '../backup/manifest.ts';
import { runOrFail, startBackground } from '../core/process.ts';
import { Address, quoteIdentifier } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';
import { type Contents, readContents } from '../postgres/contents.ts';
import { type DatabaseProperties, readProperties } from '../postgres/database-properties.ts';
import { clientFor } from '../postgres/programs.ts';
import { startServer } from '../sandbox/server.ts';
import { type RestoreOptions, type RestoreReport, restore } from './restore.ts';
import { restoreBeside } from './restore-beside.ts';
import { swap } from './swap.ts';

let template: TestDatabase;
let live: TestDatabase;
let backups: string;
let options: BackUpOptions;
let backup: Backup;

const badMigration = `
  UPDATE users SET age = NULL WHERE age < 50; TRUNCATE events CASCADE; DROP TABLE secrets CASCADE;
  ALTER TABLE serials RENAME note TO remark; CREATE TABLE invented (id int);
  SELECT setval('serials_id_seq', 1)`;

beforeAll(async () => {
  template = await testDatabase({ sql: richDatabase });
  backups = await mkdtemp(join(tmpdir(), 'restore-'));
});
afterAll(async () => {
  await template.drop();
  await rm(backups, { recursive: true, force: true });
});
beforeEach(async () => {
  live = await testDatabase({ template: template.address.database });
  const name = quoteIdentifier(live.address.database);
  await onServer(`ALTER DATABASE ${name} SET search_path = public, "Odd Schema";
    ALTER DATABASE ${name} SET timezone = 'Asia/Tokyo'; ALTER DATABASE ${name} CONNECTION LIMIT 50;
    COMMENT ON DATABASE ${name} IS 'it''s live'; REVOKE CONNECT ON DATABASE ${name} FROM PUBLIC`);
  options = backUpOptions(live.address, backups);
  backup = await backUp(testContext(), options);
});
afterEach(async () => {
  for (const name of await besides())
    await onServer(`DROP DATABASE ${quoteIdentifier(name)} WITH (FORCE)`);
  await live.drop();
});

/** The databases that a restore left beside the live one. */
async function besides(): Promise<string[]> {
  await using server = await connect(serverAddress(), { purpose: 'test' });
  const rows = await server.query<{ name: string }>(
    `SELECT datname AS name FROM pg_database WHERE starts_with(datname, $1) ORDER BY 1`,
    [`${live.address.database}_`],
  );
  return rows.map(({ name }) => name);
}

async function stateOf(address: Address): Promise<[Contents, DatabaseProperties | undefined]> {
  await using database = await connect(address, { purpose: 'test' });
  return [
    await readContents(database, { upToBytes: Infinity }),
    await readProperties(database, address.database),
  ];
}

async function inLive(sql: string): Promise<void> {
  await using database = await connect(live.address, { purpose: 'test' });
  await database.execute(sql);
}

function restoring(more: Partial<RestoreOptions> = {}): Promise<RestoreReport> {
  return restore(testContext(), {
    environment: 'production',
    live: live.address,
    backup,
    carryOver: async () => {},
    ...more,
  });
}

describe('a restore', () => {
  it('brings back contents, schema, sequences, owners and settings, and keeps the broken database', async () => {
    const before = await stateOf(live.address);
    await inLive(badMigration);
    const report = await restoring();
    expect(await stateOf(live.address)).toEqual(before);
    expect(report).toMatchObject({
      outcome: 'done',
      backup: backup.name,
      environment: 'production',
    });
    expect(await besides()).toEqual([report.broken]);
    const broken = live.address.withDatabase(report.broken ?? '');
    await expect(connect(broken, { purpose: 'test' })).rejects.toThrow(/not currently accepting/);
    await onServer(`ALTER DATABASE ${quoteIdentifier(broken.database)} ALLOW_CONNECTIONS true`);
    await using old = await connect(broken, { purpose: 'test' });
    expect(await old.one('SELECT count(*)::int AS n FROM events')).toEqual({ n: 0 });
  });

  it('works when the live database is gone', async () => {
    const before = await stateOf(live.address);
    await live.drop();
    const seen: unknown[] = [];
    const report = await restoring({
      carryOver: async (_restored, broken) => void seen.push(broken),
    });
    expect(report).toMatchObject({ outcome: 'done', broken: null, loss: null });
    expect(seen).toEqual([undefined]);
    expect(await stateOf(live.address)).toEqual(before);
  });

  it('lets no sequence go back: ids that were given out since the backup are not given out again', async () => {
    await inLive(`SELECT nextval('serials_id_seq') FROM generate_series(1, 20)`);
    await inLive(`SELECT nextval('"Odd Schema"."A Sequence"') FROM generate_series(1, 3)`);
    const before = (await stateOf(live.address))[0].sequences;
    const report = await restoring();
    expect((await stateOf(live.address))[0].sequences).toEqual(before);
    expect(report.movedSequences).toEqual(['"Odd Schema"."A Sequence"', 'public.serials_id_seq']);
  });

  it('under another name changes nothing else, and overwrites nothing', async () => {
    const before = await stateOf(live.address);
    const name = `${live.address.database}_look`;
    const options = { environment: 'production', live: live.address, backup, name };
    expect(await restoreBeside(testContext(), options)).toMatchObject({ database: name });
    expect((await stateOf(live.address.withDatabase(name)))[0]).toEqual(before[0]);
    expect(await stateOf(live.address)).toEqual(before);
    await expect(restoreBeside(testContext(), options)).rejects.toMatchObject({
      code: 'usage/name-taken',
    });
    expect(await besides()).toEqual([name]);
  });

  it('carries over what the caller wants, from the broken database into the restored one', async () => {
    await inLive("INSERT INTO fleeting VALUES (42); CREATE TABLE journal AS SELECT 'kept' AS word");
    await restoring({
      carryOver: async (restored, broken) => {
        const [row] = (await broken?.query<{ word: string }>('SELECT word FROM journal')) ?? [];
        await restored.execute('CREATE TABLE journal (word text)');
        await restored.query('INSERT INTO journal VALUES ($1)', [row?.word]);
      },
    });
    await using database = await connect(live.address, { purpose: 'test' });
    expect(await database.query('SELECT word FROM journal')).toEqual([{ word: 'kept' }]);
  });

  it('estimates before the swap what will be lost', async () => {
    await inLive(
      'INSERT INTO serials (note) SELECT 1 FROM generate_series(1, 25); DELETE FROM event_notes WHERE id <= 10',
    );
    // The server counts when the session that wrote has ended.
    let loss = (await restoring({ confirmSwap: async () => false })).loss;
    for (let tries = 0; tries < 20 && loss?.inserted !== 25; tries += 1) {
      loss = (await restoring({ confirmSwap: async () => false })).loss;
    }
    expect(loss).toMatchObject({
      inserted: 25,
      deleted: 10,
      updated: 0,
      since: backup.manifest.startedAt,
    });
    expect(loss?.tables[0]).toEqual({
      table: 'public.serials',
      inserted: 25,
      updated: 0,
      deleted: 0,
    });
  });

  it('ends the sessions of writers, who find the restored database after a short pause', async () => {
    await inLive('CREATE TABLE written (n int)');
    let running = true;
    let refused = 0;
    const writers = Array.from({ length: 8 }, async () => {
      while (running) {
        try {
          await using session = await connect(live.address, { purpose: 'test' });
          while (running)
            await session.execute('INSERT INTO users (user_id) VALUES (gen_random_uuid()::text)');
        } catch {
          refused += 1;
        }
      }
    });
    try {
      const report = await restoring();
      expect(report.endedSessions).toBeGreaterThanOrEqual(8);
      expect(refused).toBeGreaterThan(0);
      expect(report.pauseMs).toBeLessThan(5_000);
    } finally {
      running = false;
      await Promise.all(writers);
    }
    await using database = await connect(live.address, { purpose: 'test' });
    const { written } = await database.one<{ written: string | null }>(
      "SELECT to_regclass('written') AS written",
    );
    expect(written).toBeNull();
  });

  it('needs no superuser: owning the database and creating databases is enough where the sessions are its own', async () => {
    const role = `plain_${live.address.database}`;
    const own = `${live.address.database}_own`;
    await onServer(`CREATE ROLE ${role} LOGIN CREATEDB PASSWORD 'p'`);
    await onServer(`CREATE DATABASE ${own} OWNER ${role}`);
    const url = new URL(serverAddress().connectionString());
    url.username = role;
    url.password = 'p';
    const address = Address.parse(url.href).withDatabase(own);
    {
      await using owner = await connect(address, { purpose: 'test' });
      await owner.execute('CREATE TABLE t AS SELECT generate_series(1, 9) AS n');
      const taken = await backUp(testContext(), { ...options, address });
      await owner.execute('DROP TABLE t');
      const report = await restoring({ live: address, backup: taken });
      expect(report).toMatchObject({ outcome: 'done', endedSessions: 1 });
    }
    await using owner = await connect(address, { purpose: 'test' });
    expect(await owner.one('SELECT count(*)::int AS n FROM t')).toEqual({ n: 9 });
    await owner.close();
    for (const name of await besides()) await onServer(`DROP DATABASE ${quoteIdentifier(name)}`);
    await onServer(`DROP ROLE ${role}`);
  });

  it('names what earlier restores left behind', async () => {
    const first = await restoring();
    await onServer(`CREATE DATABASE "${live.address.database}_restore_20200101_000000"`);
    const second = await restoring();
    expect(second.leftovers.map(({ name, kind }) => ({ name, kind }))).toEqual([
      { name: first.broken, kind: 'broken' },
      { name: `${live.address.database}_restore_20200101_000000`, kind: 'unfinished' },
    ]);
  });

  it('finds names of at most 63 bytes for a database whose own name is long', async () => {
    const long = `long_${'ä'.repeat(28)}`;
    await onServer(
      `ALTER DATABASE ${quoteIdentifier(live.address.database)} RENAME TO ${quoteIdentifier(long)}`,
    );
    const address = live.address.withDatabase(long);
    try {
      const report = await restoring({ live: address });
      expect(Buffer.byteLength(report.broken ?? '')).toBeLessThanOrEqual(63);
      await onServer(`DROP DATABASE ${quoteIdentifier(report.broken ?? '')}`);
    } finally {
      await onServer(
        `ALTER DATABASE ${quoteIdentifier(long)} RENAME TO ${quoteIdentifier(live.address.database)}`,
      );
    }
  });
});

/** Runs a restore that must fail and leave the live database as it is, and nothing beside it. */
async function expectRefusal(attempt: () => Promise<unknown>, failure: object): Promise<void> {
  const before = await stateOf(live.address);
  await expect(attempt()).rejects.toMatchObject({ databaseState: 'untouched', ...failure });
  expect(await stateOf(live.address)).toEqual(before);
  expect(await besides()).toEqual([]);
}

describe('the live database stays live, and nothing is left beside it', () => {
  it('when the swap is not wanted', async () => {
    const before = await stateOf(live.address);
    const report = await restoring({ confirmSwap: async () => false });
    expect(report).toMatchObject({ outcome: 'refused', broken: null });
    expect(await stateOf(live.address)).toEqual(before);
    expect(await besides()).toEqual([]);
  });

  it('when the file was changed', async () => {
    const bytes = await readFile(backup.file);
    bytes[bytes.length - 500] = (bytes[bytes.length - 500] ?? 0) ^ 1;
    await writeFile(backup.file, bytes);
    await expectRefusal(restoring, { code: 'backup/file-changed' });
  });

  it('when what was restored is not what the manifest says', async () => {
    const contents = { ...backup.manifest.contents, largeObjects: 3 };
    const spoiled = { ...backup, manifest: { ...backup.manifest, contents } };
    await expectRefusal(() => restoring({ backup: spoiled }), {
      code: 'restore/differs',
      message: expect.stringContaining('2 large objects instead of 3'),
    });
  });

  it('when carrying over fails', async () => {
    const carryOver = async (): Promise<void> => {
      throw new Error('no journal');
    };
    const before = await stateOf(live.address);
    await expect(restoring({ carryOver })).rejects.toThrow('no journal');
    expect(await stateOf(live.address)).toEqual(before);
    expect(await besides()).toEqual([]);
  });

  it('when it is interrupted', async () => {
    const context = testContext();
    await expectRefusal(
      () =>
        restore(context, {
          environment: 'production',
          live: live.address,
          backup,
          carryOver: async (restored) => {
            context.abort();
            await restored.query('SELECT pg_sleep(10)');
          },
        }),
      { code: 'interrupted' },
    );
  });

  it('when the role may not create or rename', async () => {
    await onServer(`DROP ROLE IF EXISTS powerless; CREATE ROLE powerless LOGIN PASSWORD 'p'`);
    await onServer(
      `GRANT CONNECT ON DATABASE ${quoteIdentifier(live.address.database)} TO powerless`,
    );
    const url = new URL(live.address.connectionString());
    url.username = 'powerless';
    url.password = 'p';
    await expectRefusal(() => restoring({ live: Address.parse(url.href) }), {
      code: 'restore/no-right',
      message: expect.stringMatching(/create databases, nor rename /),
      hint: expect.stringContaining('CREATEDB'),
    });
    await onServer(
      `REVOKE ALL ON DATABASE ${quoteIdentifier(live.address.database)} FROM powerless; DROP ROLE powerless`,
    );
  });

  it('when a role that the backup mentions is gone', async () => {
    const source = {
      ...backup.manifest.source,
      roles: [{ name: 'gone away', superuser: false, owns: true }],
    };
    const other = { ...backup, manifest: { ...backup.manifest, source } };
    await expectRefusal(() => restoring({ backup: other }), {
      code: 'restore/missing-roles',
      hint: expect.stringContaining('CREATE ROLE "gone away";'),
    });
  });
});

function withoutRoles(manifest: Manifest): Manifest {
  return { ...manifest, source: { ...manifest.source, roles: [] } };
}

describe('what would end badly is refused before it begins', () => {
  it('owners that the role cannot give back what they owned, and sessions that it cannot end', async () => {
    const role = `plain_${live.address.database}`;
    const owner = `owner_${live.address.database}`;
    const own = `${live.address.database}_own`;
    await onServer(`CREATE ROLE ${role} LOGIN CREATEDB PASSWORD 'plain-secret' IN ROLE pg_signal_backend;
      CREATE ROLE ${owner}`);
    await onServer(`CREATE DATABASE ${own} OWNER ${role}`);
    const url = new URL(serverAddress().connectionString());
    url.username = role;
    url.password = 'plain-secret';
    const address = Address.parse(url.href).withDatabase(own);
    await using superuser = await connect(serverAddress().withDatabase(own), { purpose: 'test' });
    await superuser.execute(
      `CREATE SCHEMA s AUTHORIZATION ${owner}; CREATE TABLE s.t (id int); ALTER TABLE s.t OWNER TO ${owner}`,
    );
    const taken = await backUp(testContext(), { ...options, address: superuser.address });
    await expect(restoring({ live: address, backup: taken })).rejects.toMatchObject({
      code: 'restore/no-right',
      message: `${role} may not give to ${owner} what they own in the backup`,
      hint: expect.stringContaining(`GRANT "${owner}" TO "${role}";`),
    });
    await onServer(`GRANT ${owner} TO ${role}`);
    await expect(restoring({ live: address, backup: taken })).rejects.toMatchObject({
      code: 'restore/lasting-sessions',
      message: expect.stringContaining(`server process ${superuser.pid} of `),
    });
    await superuser.close();
    await onServer(`REVOKE pg_signal_backend FROM ${role}; ALTER ROLE ${owner} LOGIN PASSWORD 'p';
      REVOKE ${owner} FROM ${role}`);
    url.username = owner;
    url.password = 'p';
    {
      await using other = await connect(Address.parse(url.href).withDatabase(own), {
        purpose: 'test',
      });
      await expect(
        restoring({ live: address, backup: { ...taken, manifest: withoutRoles(taken.manifest) } }),
      ).rejects.toMatchObject({
        code: 'restore/lasting-sessions',
        message: expect.stringContaining(`server process ${other.pid} of ${owner}`),
        hint: expect.stringContaining(`GRANT pg_signal_backend TO "${role}";`),
      });
    }
    await onServer(`GRANT ${owner} TO ${role}`);
    await expect(restoring({ live: address, backup: taken })).resolves.toMatchObject({
      outcome: 'done',
    });
    for (const name of await besides()) await onServer(`DROP DATABASE ${quoteIdentifier(name)}`);
    await onServer(`DROP ROLE ${role}; DROP ROLE ${owner}`);
  });

  it('prepared transactions, replication slots in use and enabled subscriptions', async () => {
    const settings = { max_prepared_transactions: '2', wal_level: 'logical' };
    await using server = await startServer(testContext(), { purpose: 'test', settings });
    const address = server.address('postgres');
    const here = { ...backup.manifest.source, roles: [] };
    const other = { ...backup, manifest: { ...backup.manifest, source: here } };
    await using database = await connect(address, { purpose: 'test' });
    await database.execute("BEGIN; CREATE TABLE t (); PREPARE TRANSACTION 'left over'");
    await expect(restoring({ live: address, backup: other })).rejects.toMatchObject({
      code: 'restore/prepared-transactions',
      message: 'postgres has prepared transactions: left over',
    });
    await database.execute("ROLLBACK PREPARED 'left over'");

    const { folder } = await clientFor(database.version);
    const slot = ['--slot=reader', '--plugin=test_decoding', `--dbname=${address.toolArgument()}`];
    const receive = join(folder, 'pg_recvlogical');
    const env = { ...process.env, ...address.toolEnvironment() };
    await runOrFail(receive, [...slot, '--create-slot'], { env });
    const reader = await startBackground(receive, [...slot, '--start', '--file=/dev/null'], {
      env,
    });
    const isActive = async (): Promise<boolean> =>
      (await database.query('SELECT FROM pg_replication_slots WHERE active')).length > 0;
    while (!(await isActive())) await database.query('SELECT pg_sleep(0.02)');
    await expect(restoring({ live: address, backup: other })).rejects.toMatchObject({
      code: 'restore/active-slots',
      message: 'replication slots of postgres are in use: reader',
    });
    await reader.stop();

    const nowhere = "CONNECTION 'host=nowhere.invalid' PUBLICATION p";
    await database.execute(`CREATE SUBSCRIPTION inward ${nowhere} WITH (connect = false)`);
    await database.execute('ALTER SUBSCRIPTION inward ENABLE');
    await expect(restoring({ live: address, backup: other })).rejects.toMatchObject({
      code: 'restore/active-subscriptions',
      message: 'subscriptions of postgres are enabled: inward',
    });
  });
});

describe('the swap', () => {
  it('gives up when a session cannot be ended, and says which', async () => {
    const role = `owner_${live.address.database}`;
    const name = quoteIdentifier(live.address.database);
    await onServer(`CREATE ROLE ${role} LOGIN CREATEDB PASSWORD 'p' IN ROLE pg_signal_backend;
      ALTER DATABASE ${name} OWNER TO ${role}`);
    await onServer(`CREATE DATABASE "${live.address.database}_new" OWNER ${role}`);
    const url = new URL(serverAddress().connectionString());
    url.username = role;
    url.password = 'p';
    await using superuser = await connect(live.address, { purpose: 'test' });
    const names = {
      live: live.address.database,
      restored: `${live.address.database}_new`,
      broken: 'unused',
    };
    await using renamer = await connect(Address.parse(url.href), { purpose: 'test' });
    await using ender = await renamer.beside('test');
    await expect(swap({ renamer, ender, liveExists: true, ...names })).rejects.toMatchObject({
      code: 'restore/swap-failed',
      databaseState: 'untouched',
      message: expect.stringContaining(`server processes ${superuser.pid} stay connected`),
    });
    expect(await superuser.one('SELECT count(*)::int AS n FROM users')).toEqual({ n: 500 });
    await Promise.all([renamer.close(), ender.close()]);
    await onServer(`DROP DATABASE "${live.address.database}_new"`);
    await onServer(`ALTER DATABASE ${name} OWNER TO CURRENT_USER; DROP ROLE ${role}`);
  });

  it('does all or nothing when its process is killed in the middle', async () => {
    // What a killed process leaves: a transaction that the server rolls back.
    const renamer = await connect(serverAddress(), { purpose: 'test' });
    await renamer.execute(`BEGIN; ALTER DATABASE "${live.address.database}" RENAME TO "aside"`);
    await onServer(`SELECT pg_terminate_backend(${renamer.pid})`);
    await using database = await connect(live.address, { purpose: 'test' });
    expect(await database.one('SELECT count(*)::int AS n FROM users')).toEqual({ n: 500 });
    await renamer.close();
  });
});
