// Engines for real: a script that copies databases as a hosting company would, and pgBackRest.

import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  serverAddress,
  type TestDatabase,
  testContext,
  testDatabase,
} from '../../../test/database.ts';
import { hasPgbackrest, startArchivedServer } from '../../../test/pgbackrest.ts';
import { systemClock } from '../../core/clock.ts';
import type { Address } from '../../postgres/address.ts';
import { connect } from '../../postgres/connect.ts';
import { clientFor, programPath } from '../../postgres/programs.ts';
import { startRestored } from '../../sandbox/restored.ts';
import type { SandboxServer } from '../../sandbox/server.ts';
import { commandEngine, type EngineCommands } from './command.ts';
import type { Engine } from './engine.ts';
import { pgbackrestEngine } from './pgbackrest.ts';
import { type EngineFigures, proveCopy, readEngineFigures } from './prove-copy.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'engine-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function figuresOf(address: Address): Promise<EngineFigures> {
  await using database = await connect(address, { purpose: 'test' });
  return await readEngineFigures(database);
}

async function execute(address: Address, sql: string): Promise<void> {
  await using database = await connect(address, { purpose: 'test' });
  await database.execute(sql);
}

const school = `CREATE TABLE pupils (id serial PRIMARY KEY, name text);
  INSERT INTO pupils (name) SELECT md5(n::text) FROM generate_series(1, 500) n;
  CREATE UNLOGGED TABLE fleeting AS SELECT 1 AS n; CREATE TABLE empty (n int)`;

describe('an engine of commands', () => {
  let live: TestDatabase;
  let psql: string;
  let commands: EngineCommands;

  beforeAll(async () => {
    live = await testDatabase({ sql: school });
    const program = programPath(await clientFor(150_000), 'psql');
    psql = `'${program}' -qAtX -v ON_ERROR_STOP=1 '${serverAddress().toolArgument()}'`;
    const url = serverAddress().connectionString();
    const address = url.replace(/\/postgres(\?|$)/, '/$DRYDOCK_BACKUP$1');
    commands = {
      backup: `id=snapshot_$RANDOM_PART; ${psql} -c "CREATE DATABASE $id TEMPLATE ${live.address.database}" && echo "{\\"id\\":\\"$id\\"}"`,
      list: `${psql} -c "SELECT coalesce(json_agg(json_build_object('id', datname, 'takenAt', now(), 'sizeBytes', pg_database_size(oid))), '[]') FROM pg_database WHERE datname LIKE 'snapshot_$RANDOM_PART'"`,
      copy: `echo "${address}"`,
      drop: `${psql} -c "DROP DATABASE $DRYDOCK_BACKUP"`,
    };
    process.env.RANDOM_PART = randomBytes(4).toString('hex');
    Object.assign(process.env, serverAddress().toolEnvironment());
  });
  afterAll(() => live.drop());

  function engine(changed: Partial<EngineCommands> = {}): Engine {
    return commandEngine({
      commands: { ...commands, ...changed },
      environment: 'production',
      folder,
      live: live.address,
    });
  }

  it('takes a backup, lists it, proves it by a copy, and removes the copy', async () => {
    const figures = await figuresOf(live.address);
    expect(figures.filled).toEqual(['public.pupils']);
    const backup = await engine().backUp(testContext());
    expect(await engine().list(testContext())).toEqual([
      { id: backup.id, takenAt: expect.any(String), sizeBytes: expect.any(Number) },
    ]);
    const context = testContext();
    const proof = await proveCopy(context, { engine: engine(), backup, figures });
    expect(proof).toMatchObject({ outcome: 'done', backup: backup.id, differences: [] });
    expect(context.events).toContainEqual({
      kind: 'note',
      text: '2 tables of the copy have no statistics: before it goes live, type VACUUM (ANALYZE); in it.',
    });
    expect(proof.compared).toMatchObject({ tables: 3, rows: 501 });
    expect(await engine().list(testContext())).toEqual([]);
  });

  it.each([
    ['a table lost its rows', 'TRUNCATE pupils', 'table public.pupils has no rows, and had some'],
    ['a table is gone', 'DROP TABLE empty', 'empty'],
    ['a sequence is behind', `SELECT setval('pupils_id_seq', 3)`, 'pupils_id_seq'],
  ])(
    'fails the proof when in the copy %s, and removes the copy all the same',
    async (_name, sql, said) => {
      const figures = await figuresOf(live.address);
      const backup = await engine().backUp(testContext());
      await execute(serverAddress().withDatabase(backup.id), sql);
      const proof = await proveCopy(testContext(), { engine: engine(), backup, figures });
      expect(proof.outcome).toBe('failed');
      expect(proof.differences.join()).toContain(said);
      expect(await engine().list(testContext())).toEqual([]);
    },
  );

  it('refuses the live database as a copy, and removes nothing', async () => {
    const lying = engine({
      copy: `echo '${live.address.connectionString()}'`,
      drop: 'touch removed',
    });
    const backup = { id: 'one', takenAt: new Date().toISOString(), sizeBytes: null };
    await expect(lying.startCopy(testContext(), { backup })).rejects.toMatchObject({
      code: 'engine/live-database',
    });
    expect(await readdir(folder)).not.toContain('removed');
  });

  it('tells what a command said, and never the address that it printed', async () => {
    const backup = { id: 'one', takenAt: new Date().toISOString(), sizeBytes: null };
    const secret = `echo postgresql://ana:s3cret@host/db; echo 'no quota left' >&2; exit 3`;
    const failing = engine({ copy: secret, drop: 'touch dropped-$DRYDOCK_BACKUP' });
    const failure: unknown = await failing
      .startCopy(testContext(), { backup })
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'engine/failed',
      message: expect.stringContaining('no quota left'),
    });
    expect(JSON.stringify([failure, String(failure)])).not.toContain('s3cret');
    expect(await readdir(folder)).toContain('dropped-one');
  });

  it.each([
    ['backup', 'echo done', 'no JSON'],
    ['backup', `echo '{"name":"x"}'`, 'no id'],
    ['list', `echo '{}'`, 'no array'],
    ['list', `echo '[{"id":"x"}]'`, 'no time in takenAt of x'],
  ])('says what is wrong with the output of %s: %s', async (name, command, said) => {
    const misprinting = engine({ [name]: command });
    const asked =
      name === 'backup' ? misprinting.backUp(testContext()) : misprinting.list(testContext());
    await expect(asked).rejects.toMatchObject({
      code: 'engine/failed',
      message: expect.stringContaining(said),
    });
  });
});

describe.skipIf(!hasPgbackrest)('pgBackRest', () => {
  let server: SandboxServer;
  let live: Address;
  let engine: Engine;
  let repository: string;

  beforeAll(async () => {
    const archived = await startArchivedServer(folder);
    const { account, config } = archived;
    ({ server, repository } = archived);
    live = server.address('school');
    await execute(server.address('postgres'), 'CREATE DATABASE school');
    await execute(live, school);
    await execute(live, 'ANALYZE');
    engine = pgbackrestEngine({ stanza: 'main', config }, { live, account, startRestored });
  });
  afterAll(() => server.stop());

  it('takes a backup that is proven by a server restored from it', async () => {
    expect(await engine.list(testContext())).toEqual([]);
    const figures = await figuresOf(live);
    const backup = await engine.backUp(testContext());
    expect(await engine.list(testContext())).toEqual([backup]);
    const context = testContext();
    const proof = await proveCopy(context, { engine, backup, figures });
    expect(proof).toMatchObject({ outcome: 'done', differences: [] });
    expect(proof.compared).toMatchObject({ tables: 3, rows: 500 });
    // The copy has the statistics of the original: they are rows of its files.
    expect(context.events.filter(({ kind }) => kind === 'note')).toEqual([]);
  });

  it('makes a copy as it was at a later time', async () => {
    const figures = await figuresOf(live);
    const [backup] = await engine.list(testContext());
    if (backup === undefined) throw new Error('the test before has taken one');
    await execute(live, `INSERT INTO pupils (name) VALUES ('late')`);
    await systemClock.sleep(50);
    const at = new Date();
    await systemClock.sleep(50);
    await execute(live, 'TRUNCATE pupils');
    await execute(live, 'SELECT pg_switch_wal()');
    const proof = await proveCopy(testContext(), { engine, backup, figures, at });
    expect(proof).toMatchObject({ outcome: 'done', compared: { rows: 501 } });
  });

  it('fails on a damaged repository', async () => {
    const [backup] = await engine.list(testContext());
    if (backup === undefined) throw new Error('the test before has taken one');
    const files = await readdir(join(repository, 'backup', 'main', backup.id), {
      recursive: true,
      withFileTypes: true,
    });
    const spoiled = files.find(({ name }) => /^\d+\.gz$/.test(name));
    if (spoiled === undefined) throw new Error('there is a file of a table');
    const path = join(spoiled.parentPath, spoiled.name);
    const bytes = await readFile(path);
    bytes.fill(0, Math.floor(bytes.length / 2));
    await writeFile(path, bytes);
    await expect(engine.startCopy(testContext(), { backup })).rejects.toMatchObject({
      code: 'engine/failed',
      message: expect.stringContaining('pgBackRest main could not restore'),
    });
  });

  it('names a backup that is not there', async () => {
    const backup = { id: '20200101-000000F', takenAt: new Date().toISOString(), sizeBytes: null };
    await expect(engine.startCopy(testContext(), { backup })).rejects.toMatchObject({
      code: 'engine/no-such-backup',
    });
  });
});
