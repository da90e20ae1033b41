import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type TestDatabase, testContext, testDatabase } from '../../test/database.ts';
import { parseConfig } from '../config/schema.ts';
import { connect } from '../postgres/connect.ts';
import type { RehearsalReport } from '../rehearsal/report.ts';
import { type SandboxServer, startServer } from '../sandbox/server.ts';
import { backUpEnvironment } from './backing-up.ts';
import { type RehearsalRequest, rehearseChange } from './rehearsals.ts';

let live: TestDatabase;
let folder: string;

beforeEach(async () => {
  live = await testDatabase({
    sql: 'CREATE TABLE users (id int, name text); INSERT INTO users SELECT generate_series(1, 50)',
  });
  folder = await mkdtemp(join(tmpdir(), 'drydock-test-'));
  await mkdir(join(folder, 'migrations'));
});

afterEach(async () => {
  await live.drop();
  await rm(folder, { recursive: true });
});

async function rehearsalOf(
  sql: string,
  request: Partial<RehearsalRequest>,
  sandbox: unknown = {},
): Promise<RehearsalReport> {
  await writeFile(join(folder, 'migrations', '001_a.sql'), sql);
  const environments = { dev: { url: live.address.connectionString() } };
  const config = parseConfig(
    { environments, sandbox },
    { root: folder, file: undefined, variables: {} },
  );
  const actor = { who: 'me', host: 'here' };
  const project = { config, context: testContext(), actor };
  if (request.from === undefined) {
    await backUpEnvironment(project, { environment: 'dev', reason: 'test' });
  }
  return rehearseChange(project, { environment: 'dev', ...request });
}

describe('a rehearsal on the schema alone', () => {
  it('shows the locks, knows no times, and leaves the environment as it was', async () => {
    const report = await rehearsalOf('ALTER TABLE users ALTER COLUMN id TYPE bigint;', {
      from: 'schema',
    });
    expect(report.copy).toMatchObject({ from: 'schema', name: 'dev' });
    expect(report.statements[0]?.locks[0]).toMatchObject({ mode: 'ACCESS EXCLUSIVE' });
    expect(report.forecast?.confidence).toBe('unknown');
    await using database = await connect(live.address, { purpose: 'test' });
    expect(await database.query("SELECT to_regclass('drydock.ledger') AS ledger")).toEqual([
      { ledger: null },
    ]);
  });

  it('takes a sample of its rows when asked to, and scales what it forecasts', async () => {
    await using database = await connect(live.address, { purpose: 'test' });
    await database.execute('ANALYZE');
    const report = await rehearsalOf("UPDATE users SET name = 'x';", { from: 'schema', rows: 20 });
    expect(report.copy).toMatchObject({ from: 'schema', rows: 20 });
    expect(report.statements[0]?.rows).toBe(20);
    expect(report.forecast?.confidence).toBe('scaled');
  });

  it('runs the mask first', async () => {
    await writeFile(join(folder, 'mask.sql'), "INSERT INTO users VALUES (1, 'masked')");
    const report = await rehearsalOf(
      "UPDATE users SET name = '' WHERE name = 'masked';",
      { from: 'schema' },
      { mask: 'mask.sql' },
    );
    expect(report.statements[0]?.rows).toBe(1);
  });
});

describe('a rehearsal on a server that the configuration names', () => {
  let own: SandboxServer;

  beforeAll(async () => {
    own = await startServer(testContext(), { purpose: 'given', tcp: true });
  });

  afterAll(() => own.stop());

  it.each([
    ['the newest backup', undefined, 50],
    ['the schema', 'schema', 0],
  ])('with %s as its copy leaves nothing there', async (_, from, rows) => {
    await using database = await connect(live.address, { purpose: 'test' });
    await database.execute(`
      CREATE ROLE shop_${from ?? 'backup'};
      ALTER TABLE users OWNER TO shop_${from ?? 'backup'};
      COMMENT ON DATABASE ${live.address.database} IS 'the shop';`);
    const sandbox = { server: own.address('postgres').connectionString() };
    const report = await rehearsalOf(
      'UPDATE users SET name = current_database();',
      { from },
      sandbox,
    );
    expect(report.copy.place).toBe('server');
    expect(report.statements[0]?.rows).toBe(rows);
    expect(report.wayBack?.label).toBe(rows === 0 ? 'reversible' : 'irreversible');
    await using there = await connect(own.address('postgres'), { purpose: 'test' });
    expect(
      await there.query(
        `SELECT datname FROM pg_database WHERE datname !~ '^(postgres|template)'
         UNION ALL SELECT rolname FROM pg_roles WHERE rolname LIKE 'shop%'`,
      ),
    ).toEqual([]);
    await database.execute(
      `DROP OWNED BY shop_${from ?? 'backup'}; DROP ROLE shop_${from ?? 'backup'}`,
    );
  });

  it('copies a template of it, leaves that as it was, and runs what its ledger lacks', async () => {
    await using there = await connect(own.address('postgres'), { purpose: 'test' });
    await there.execute('CREATE DATABASE shop_template');
    const sandbox = { server: own.address('postgres').connectionString() };
    const filled = await connect(own.address('shop_template'), { purpose: 'test' });
    await filled.execute('CREATE TABLE users AS SELECT generate_series(1, 7) AS id, NULL AS name');
    await filled.close();
    const sql = "UPDATE users SET name = 'rehearsed';";
    const report = await rehearsalOf(sql, { from: 'template:shop_template' }, sandbox);
    expect(report.copy).toEqual({ from: 'template', name: 'shop_template', place: 'server' });
    expect(report.statements[0]?.rows).toBe(7);
    const databases = "SELECT datname FROM pg_database WHERE datname !~ '^(postgres|template)'";
    expect(await there.query(databases)).toEqual([{ datname: 'shop_template' }]);
    await using template = await connect(own.address('shop_template'), { purpose: 'test' });
    expect(await template.query('SELECT FROM users WHERE name IS NULL')).toHaveLength(7);
    await template.close();
    await there.execute('DROP DATABASE shop_template');
  });

  it('is needed for a template', async () => {
    await expect(rehearsalOf('SELECT 1;', { from: 'template:shop' })).rejects.toMatchObject({
      code: 'config/no-copy-server',
      hint: expect.stringContaining('sandbox: { server:'),
    });
  });

  it('says which variable is missing, and goes nowhere else', async () => {
    const rehearsal = rehearsalOf('SELECT 1;', { from: 'schema' }, { server: { env: 'COPIES' } });
    await expect(rehearsal).rejects.toMatchObject({
      code: 'config/no-address',
      hint: expect.stringContaining('Set COPIES'),
    });
  });

  it('is refused where that is the database of an environment', async () => {
    const sandbox = { server: live.address.connectionString() };
    await expect(rehearsalOf('SELECT 1;', {}, sandbox)).rejects.toMatchObject({
      code: 'config/invalid',
      message: expect.stringContaining('sandbox.server: is the database of dev'),
    });
  });
});

describe('a rehearsal on a clone', () => {
  const drop = 'echo "$DRYDOCK_CLONE" > dropped';

  it('uses the address that the command prints, and drops the clone', async () => {
    await using clone = await testDatabase({ template: live.address.database });
    const create = `echo '${clone.address.connectionString()}'`;
    const report = await rehearsalOf(
      'DELETE FROM users WHERE id <= 5;',
      { from: 'clone' },
      { clone: { create, drop } },
    );
    expect(report.statements[0]?.rows).toBe(5);
    expect(report.tables).toMatchObject([{ table: 'users', lostRows: 5, isExpected: true }]);
    expect(existsSync(join(folder, 'dropped'))).toBe(true);
  });

  it('refuses the address of the environment itself, and drops nothing', async () => {
    const create = `echo '${live.address.connectionString()}'`;
    const rehearsal = rehearsalOf('SELECT 1;', { from: 'clone' }, { clone: { create, drop } });
    await expect(rehearsal).rejects.toMatchObject({ code: 'sandbox/clone-is-live' });
    expect(existsSync(join(folder, 'dropped'))).toBe(false);
  });

  it('that takes too long is stopped, and the clone is dropped', async () => {
    await using clone = await testDatabase({ template: live.address.database });
    const create = `echo '${clone.address.connectionString()}'`;
    const rehearsal = rehearsalOf(
      'SELECT pg_sleep(600);',
      { from: 'clone', timeoutMs: 3_000 },
      { clone: { create, drop } },
    );
    await expect(rehearsal).rejects.toMatchObject({ code: 'rehearsal/timed-out' });
    expect(existsSync(join(folder, 'dropped'))).toBe(true);
  });

  it('notices rows that go without being named', async () => {
    await using clone = await testDatabase({ template: live.address.database });
    const create = `echo '${clone.address.connectionString()}'`;
    const report = await rehearsalOf(
      "DO $$ BEGIN EXECUTE (SELECT 'DELETE FROM ' || relname FROM pg_class WHERE relname = 'users'); END $$;",
      { from: 'clone' },
      { clone: { create, drop } },
    );
    expect(report.problems).toEqual([
      'users has 50 rows fewer, and no statement of the plan names it',
    ]);
  });
});
