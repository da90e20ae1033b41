import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backUpOptions } from '../../test/backups.ts';
import {
  serverAddress,
  type TestDatabase,
  testContext,
  testDatabase,
} from '../../test/database.ts';
import { backUp } from '../backup/back-up.ts';
import type { Backup } from '../backup/manifest.ts';
import { connect } from '../postgres/connect.ts';
import { chooseTables } from './choose-tables.ts';
import { type RestoreTablesReport, restoreTables } from './restore-tables.ts';

let live: TestDatabase;
let backups: string;
let backup: Backup;

beforeEach(async () => {
  live = await testDatabase({
    sql: `CREATE TYPE mood AS ENUM ('calm', 'wild'); CREATE SCHEMA "Odd Schema";
      CREATE FUNCTION noisy() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$no$$; END';
      CREATE TABLE users (id serial PRIMARY KEY, feeling mood, twice int GENERATED ALWAYS AS (2) STORED);
      INSERT INTO users (feeling) SELECT 'wild' FROM generate_series(1, 50);
      CREATE TABLE "Odd Schema"."Odd Table" ("A" int REFERENCES users, CHECK ("A" > 0)); INSERT INTO "Odd Schema"."Odd Table" VALUES (7);
      CREATE TABLE huge AS SELECT generate_series(1, 1000) n;
      CREATE TRIGGER noisy BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION noisy()`,
  });
  backups = await mkdtemp(join(tmpdir(), 'tables-'));
  backup = await backUp(testContext(), backUpOptions(live.address, backups));
});
afterEach(async () => {
  await live.drop();
  await rm(backups, { recursive: true });
});

async function inLive<Row extends object>(sql: string): Promise<Row[]> {
  await using database = await connect(live.address, { purpose: 'test' });
  return await database.query<Row>(sql);
}

const restoring = (tables: readonly string[], of = backup): Promise<RestoreTablesReport> =>
  restoreTables(testContext(), {
    environment: 'production',
    live: live.address,
    backup: of,
    tables,
  });

async function schemas(): Promise<object[]> {
  return await inLive("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'restored%'");
}

async function besides(): Promise<object[]> {
  await using server = await connect(serverAddress(), { purpose: 'test' });
  const prefix = `${live.address.database}_`;
  return await server.query('SELECT FROM pg_database WHERE starts_with(datname, $1)', [prefix]);
}

describe('single tables', () => {
  it('come back in a schema of their own, and the live ones are as they were', async () => {
    await inLive('DELETE FROM "Odd Schema"."Odd Table"; DELETE FROM users WHERE id < 40');
    const report = await restoring(['users', 'Odd Table']);
    const { schema } = report;
    expect(report.tables).toEqual([
      { table: 'public.users', restoredAs: `"${schema}"."users"`, rows: 50 },
      {
        table: '"Odd Schema"."Odd Table"',
        restoredAs: `"${schema}"."Odd Schema.Odd Table"`,
        rows: 1,
      },
    ]);
    const [first] = await inLive(`SELECT id, feeling, twice FROM "${schema}".users WHERE id = 1`);
    expect(first).toEqual({ id: 1, feeling: 'wild', twice: 2 });
    expect(await inLive(`SELECT * FROM "${schema}"."Odd Schema.Odd Table"`)).toEqual([{ A: 7 }]);
    expect(await inLive('SELECT count(*)::int AS n FROM users')).toEqual([{ n: 11 }]);
    expect(await besides()).toEqual([]);
  });

  it('that are not what the manifest says leave nothing behind', async () => {
    const contents = {
      ...backup.manifest.contents,
      tables: { ...backup.manifest.contents.tables, 'public.users': 51 },
    };
    const spoiled = { ...backup, manifest: { ...backup.manifest, contents } };
    await expect(restoring(['users'], spoiled)).rejects.toMatchObject({ code: 'restore/differs' });
    expect(await schemas()).toEqual([]);
    expect(await besides()).toEqual([]);
  });

  it('of which the live database lacks the type leave nothing behind', async () => {
    await inLive('DROP TABLE users CASCADE; DROP TYPE mood');
    await expect(restoring(['users'])).rejects.toMatchObject({
      code: 'archive/load-failed',
      message: expect.stringContaining('type "public.mood" does not exist'),
    });
    expect(await schemas()).toEqual([]);
    expect(await besides()).toEqual([]);
  });
});

describe('a table is named', () => {
  const known = ['public.users', 'a.users', 'a.orders', 'b."Odd Name"', 'a.twice', 'b.twice'];
  it.each([
    ['users', 'public.users'],
    ['a.users', 'a.users'],
    ['orders', 'a.orders'],
    ['Odd Name', 'b."Odd Name"'],
    ['b."Odd Name"', 'b."Odd Name"'],
  ])('%s for %s', (wanted, table) => {
    expect(chooseTables(known, [wanted])).toEqual([table]);
  });

  it.each([
    ['nothing', 'the backup has no rows of a table nothing'],
    ['twice', 'twice is in several schemas: a.twice, b.twice'],
  ])('%s for none', (wanted, message) => {
    expect(() => chooseTables(known, [wanted])).toThrow(message);
  });
});
