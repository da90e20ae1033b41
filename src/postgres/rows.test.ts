import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../test/database.ts';
import { connect, type Database } from './connect.ts';
import { readRows } from './rows.ts';

let holder: TestDatabase;
let database: Database;

beforeAll(async () => {
  holder = await testDatabase({
    sql: `
      CREATE TYPE mood AS ENUM ('calm', 'wild');
      CREATE TYPE place AS (street text, "no" int);
      CREATE COLLATION relaxed (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
      CREATE TABLE t (id int, word text, at timestamptz, price numeric, share float8, feeling mood,
        home place, tags text[], body jsonb, bytes bytea, span interval, money money, raw json,
        "odd ""name" char(5), relaxed text COLLATE relaxed, yes boolean, doubled int GENERATED ALWAYS AS (id * 2) STORED);
      INSERT INTO t (id, word, at, price, share, feeling, home, tags, body, bytes, span, money, raw, "odd ""name", relaxed, yes)
        SELECT n, 'word ' || n, now() + n * interval '1 s', n * 1.10, n / 7.0, 'calm', ROW('s', n)::place,
               ARRAY['a', NULL, 'b,c'], '{"a": 1.0}', '\\x00ff', '1 day', 12.5, '{"a":1,"a":2}', 'x', 'same', true
          FROM generate_series(1, 9) n;
      INSERT INTO t (id) VALUES (10);
      CREATE TABLE "Large One" AS SELECT repeat('x', 100) AS x FROM generate_series(1, 2000);
      CREATE TABLE bare (); INSERT INTO bare DEFAULT VALUES;
      CREATE TABLE empty_one (id int);
      SELECT lo_from_bytea(4711, 'large');`,
  });
  database = await connect(holder.address, { purpose: 'test' });
});
afterAll(async () => {
  await database.close();
  await holder.drop();
});

/** Runs `sql`, reads a hash, and takes everything back. */
async function hashAfter(sql: string, table = 'public.t'): Promise<string | undefined> {
  await database.execute('BEGIN; SET LOCAL search_path = public');
  try {
    await database.execute(sql);
    return (await readRows(database, { upToBytes: Infinity })).hashes.tables[table];
  } finally {
    await database.execute('ROLLBACK');
  }
}

const changes = [
  'UPDATE t SET word = NULL WHERE id = 3',
  "UPDATE t SET word = '' WHERE id = 10",
  "UPDATE t SET word = word || ' ' WHERE id = 3",
  'UPDATE t SET price = 1.1 WHERE id = 1',
  'UPDATE t SET share = share + 1e-15 WHERE id = 1',
  "UPDATE t SET at = at + interval '1 microsecond' WHERE id = 1",
  "UPDATE t SET feeling = 'wild' WHERE id = 1",
  "UPDATE t SET home = ROW('s', NULL)::place WHERE id = 1",
  "UPDATE t SET tags = ARRAY['a', 'NULL', 'b,c'] WHERE id = 1",
  `UPDATE t SET body = '{"a": 1.00}' WHERE id = 1`,
  "UPDATE t SET bytes = '\\xff00' WHERE id = 1",
  "UPDATE t SET span = '24:00' WHERE id = 1",
  `UPDATE t SET raw = '{"a":2,"a":2}' WHERE id = 1`,
  "UPDATE t SET relaxed = 'SAME' WHERE id = 1",
  'UPDATE t SET yes = false WHERE id = 1',
  'UPDATE t SET id = id + 1 WHERE id = 9; UPDATE t SET id = id - 1 WHERE word IS NULL',
  'UPDATE t SET word = CASE id WHEN 1 THEN $$word 2$$ ELSE $$word 1$$ END WHERE id < 3',
  'DELETE FROM t WHERE id = 1; INSERT INTO t (id) VALUES (10)',
  'UPDATE t SET yes = (word <> $$word 1$$), feeling = CASE id WHEN 1 THEN $$wild$$ ELSE $$calm$$ END::mood',
];

describe('a changed row changes the hash', () => {
  it.each(changes)('%s', async (sql) => {
    expect(await hashAfter(sql)).not.toBe(await hashAfter(''));
  });
});

const noChanges = [
  "SET LOCAL timezone = 'Asia/Tokyo'; SET LOCAL datestyle = 'German'; SET LOCAL extra_float_digits = -10; SET LOCAL bytea_output = 'escape'",
  'ALTER TABLE t ADD COLUMN gone int; ALTER TABLE t DROP COLUMN gone',
  'ALTER TABLE t RENAME word TO old_word; ALTER TABLE t ADD word text; UPDATE t SET word = old_word; ALTER TABLE t DROP old_word',
  'UPDATE t SET word = word',
];

describe('what changes no row leaves the hash as it is', () => {
  it.each(noChanges)('%s', async (sql) => {
    expect(await hashAfter(sql)).toBe(await hashAfter(''));
  });
});

it('small tables are hashed first, as many as fit; all are counted', async () => {
  const { tables, hashes } = await readRows(database, { upToBytes: 100_000 });
  expect(tables).toEqual({
    'public."Large One"': 2000,
    'public.bare': 1,
    'public.empty_one': 0,
    'public.t': 10,
  });
  expect(Object.keys(hashes.tables)).toEqual(['public.bare', 'public.empty_one', 'public.t']);
  expect(hashes.largeObjects).not.toBeNull();
  expect((await readRows(database, { upToBytes: -1 })).hashes).toEqual({
    probe: hashes.probe,
    tables: {},
    largeObjects: null,
  });
});

it('a later reading hashes the same tables, and none on a server that prints values otherwise', async () => {
  const { hashes } = await readRows(database, { upToBytes: 100_000 });
  expect((await readRows(database, { like: hashes })).hashes).toEqual(hashes);
  const other = { ...hashes, probe: '1' };
  expect((await readRows(database, { like: other })).hashes.tables).toEqual({});
});

it('a changed large object changes the hash of all of them, and a written-out gap does not', async () => {
  const hash = async (): Promise<string | null> =>
    (await readRows(database, { upToBytes: Infinity })).hashes.largeObjects;
  const before = await hash();
  await database.execute("SELECT lo_put(4711, 10000, 'far away')");
  const gap = await hash();
  await database.execute("SELECT lo_put(4711, 5, decode(repeat('00', 9995), 'hex'))");
  expect(await hash()).toBe(gap);
  expect(gap).not.toBe(before);
});

it('a role that may not read the large objects counts the rest', async () => {
  await database.execute(`CREATE ROLE row_reader; GRANT USAGE ON SCHEMA public TO row_reader;
    GRANT SELECT ON ALL TABLES IN SCHEMA public TO row_reader; SET ROLE row_reader`);
  try {
    const { tables, hashes } = await readRows(database, { upToBytes: Infinity });
    expect(tables['public.t']).toBe(10);
    expect(hashes.largeObjects).toBeNull();
  } finally {
    await database.execute('RESET ROLE; DROP OWNED BY row_reader; DROP ROLE row_reader');
  }
});
