import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { onServer, type TestDatabase, testContext, testDatabase } from '../../test/database.ts';
import { runOrFail } from '../core/process.ts';
import { connect } from '../postgres/connect.ts';
import { clientFor, programPath } from '../postgres/programs.ts';
import { dropBroken, droppableDatabases } from './drop-broken.ts';
import { type SalvageReport, salvage } from './salvage.ts';

const schema = `
  CREATE SCHEMA "Odd Schema"; CREATE TYPE mood AS ENUM ('calm', 'wild');
  CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, total numeric, doubled numeric GENERATED ALWAYS AS (total * 2) STORED);
  CREATE TABLE "Odd Schema"."Line Items" (order_id int REFERENCES orders, "no" int, word text, at timestamptz, mood mood,
    tags text[], body jsonb, share float8, PRIMARY KEY (order_id, "no"));
  CREATE TABLE keyless (n int);
  INSERT INTO orders (total) SELECT n FROM generate_series(1, 1200) n;
  INSERT INTO "Odd Schema"."Line Items" SELECT n, 1, 'w', '2025-01-01', 'calm', '{a}', '{}', 0.1 FROM generate_series(1, 20) n;`;

// What the application did after the backup, and what the migration did to the schema.
const later = `
  INSERT INTO orders (total) SELECT 5 FROM generate_series(1, 700);
  UPDATE orders SET total = 1.50 WHERE id = 3;
  INSERT INTO "Odd Schema"."Line Items" VALUES (1201, 1, E'it''s \\\\ new\\nline', '2025-06-01 12:00:00.123456+02', 'wild', ARRAY['x', NULL, ','], '{"a": [1.10]}', 1e-300), (1, 2, NULL, NULL, NULL, NULL, NULL, 'NaN');
  DELETE FROM "Odd Schema"."Line Items" WHERE order_id = 20;
  ALTER TABLE orders ADD COLUMN remark text; UPDATE orders SET remark = 'r' WHERE id = 1;
  CREATE TABLE invented (id int PRIMARY KEY); INSERT INTO invented VALUES (1)`;

let live: TestDatabase;
let broken: TestDatabase;
let folder: string;

beforeEach(async () => {
  live = await testDatabase({ sql: schema });
  const { database } = live.address;
  broken = await testDatabase({ name: `${database}_broken_20251015_120000`, template: database });
  await inside(broken, later);
  await onServer(`ALTER DATABASE "${broken.address.database}" ALLOW_CONNECTIONS false`);
  folder = join(await mkdtemp(join(tmpdir(), 'salvage-')), 'saved');
});
afterEach(async () => {
  await broken.drop();
  await live.drop();
  await rm(join(folder, '..'), { recursive: true });
});

async function inside(holder: TestDatabase, sql: string): Promise<object[]> {
  await using database = await connect(holder.address, { purpose: 'test' });
  return await database.query(sql);
}
const salvaging = (): Promise<SalvageReport> =>
  salvage(testContext(), { live: live.address, broken: broken.address.database, folder });

describe('what a restore did not bring back', () => {
  it('is told by table, and what cannot be compared is told too', async () => {
    expect(await salvaging()).toEqual({
      broken: broken.address.database,
      folder,
      tables: [
        {
          table: 'public.orders',
          missing: 700,
          changed: 1,
          files: ['001_public.orders.missing.sql', '001_public.orders.changed.sql'],
          lostColumns: ['remark'],
        },
        {
          table: '"Odd Schema"."Line Items"',
          missing: 2,
          changed: 0,
          files: ['002__Odd_Schema_._Line_Items_.missing.sql'],
          lostColumns: [],
        },
      ],
      skipped: [
        { table: 'public.invented', reason: `${live.address.database} has no such table` },
        { table: 'public.keyless', reason: 'it has no primary key' },
      ],
    });
    for (const name of await readdir(folder))
      expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
  });

  it('is there again when the files are applied, twice even', async () => {
    const { tables } = await salvaging();
    const clients = await clientFor(150_000);
    const psql = async (file: string): Promise<unknown> =>
      runOrFail(
        programPath(clients, 'psql'),
        [
          '--no-psqlrc',
          '--single-transaction',
          '-vON_ERROR_STOP=1',
          `-f${join(folder, file)}`,
          `-d${live.address.toolArgument()}`,
        ],
        { env: { ...process.env, ...live.address.toolEnvironment() } },
      );
    const files = tables.flatMap((table) => table.files);
    for (const file of [...files, ...files]) await psql(file);
    await onServer(`ALTER DATABASE "${broken.address.database}" ALLOW_CONNECTIONS true`);
    for (const look of [
      'SELECT id, total, doubled FROM orders ORDER BY id',
      `SELECT * FROM "Odd Schema"."Line Items" WHERE order_id <> 20 ORDER BY 1, 2`,
    ])
      expect(await inside(live, look)).toEqual(await inside(broken, look));
    expect(await readFile(join(folder, files[0] ?? ''), 'utf8')).toContain('Look at them');
  });

  it('is nothing when nothing was written', async () => {
    await onServer(`DROP DATABASE "${broken.address.database}"`);
    broken = await testDatabase({
      name: broken.address.database,
      template: live.address.database,
    });
    expect(await salvaging()).toMatchObject({ tables: [] });
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('the broken database', () => {
  it('takes no connections after a salvage, as before', async () => {
    await salvaging();
    await expect(connect(broken.address, { purpose: 'test' })).rejects.toThrow(/not currently/);
  });

  it('is dropped when asked, unless somebody looks at it', async () => {
    const { database: name } = broken.address;
    const drop = (): Promise<void> => dropBroken(testContext(), { live: live.address, name });
    expect(await droppableDatabases(live.address)).toMatchObject([
      { name, kind: 'broken', slots: [] },
    ]);
    await onServer(`ALTER DATABASE "${name}" ALLOW_CONNECTIONS true`);
    {
      await using looking = await connect(broken.address, { purpose: 'test' });
      await expect(drop()).rejects.toMatchObject({
        code: 'restore/not-dropped',
        message: expect.stringContaining('being accessed by other users'),
      });
      await looking.query('SELECT 1');
    }
    await expect
      .poll(() =>
        drop().then(
          () => 'gone',
          () => 'there',
        ),
      )
      .toBe('gone');
    expect(await droppableDatabases(live.address)).toEqual([]);
  });
});
