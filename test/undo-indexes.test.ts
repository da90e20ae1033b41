// An index that an undo brings back on a large table: built while everybody goes on, whatever happens meanwhile.

import { afterEach, beforeEach, expect, it } from 'vitest';
import { connect } from '../src/postgres/connect.ts';
import type { SchemaFact } from '../src/postgres/fingerprint.ts';
import { indexesBack } from '../src/rescue/undo/indexes-back.ts';
import { testContext } from './database.ts';
import { type KeptDatabase, keptDatabase } from './kept-database.ts';

// 15 MB, so that it counts as large.
const schema = `
  CREATE TABLE visits (id int PRIMARY KEY, kind int, page text NOT NULL);
  INSERT INTO visits SELECT n, n % 100, repeat('x', 100) FROM generate_series(1, 100000) n;
  CREATE INDEX visits_kind ON visits (kind);
  CREATE INDEX visits_page ON visits (lower(page)) WHERE kind > 50;
  CREATE TABLE small (id int PRIMARY KEY, kind int);
  CREATE INDEX small_kind ON small (kind)`;
const drops =
  'BEGIN; DROP INDEX visits_kind; DROP INDEX visits_page; DROP INDEX small_kind; COMMIT;';

const building = `SELECT pid, query FROM pg_stat_activity
  WHERE query LIKE 'CREATE INDEX%' AND datname = current_database() AND state = 'active'`;
const patience = { timeout: 20_000, interval: 20 };

let one: KeptDatabase;
let before: readonly SchemaFact[];

beforeEach(async () => {
  one = await keptDatabase(schema);
  before = await one.facts();
});

afterEach(async () => {
  await one[Symbol.asyncDispose]();
});

/** Takes the last change back while somebody has written to the table and has not ended. */
async function undoBeside(whileBuilding: (pid: number) => Promise<void>): Promise<void> {
  await using writer = await connect(one.address, { purpose: 'test' });
  await writer.execute('BEGIN; INSERT INTO visits VALUES (200001, 60, $$y$$)');
  const undone = one.undo();
  const builders = (): Promise<{ pid: number; query: string }[]> => one.run(building);
  await expect.poll(builders, patience).toEqual([
    // The others are small, or call a function: they come behind the lock, which is not there yet.
    {
      pid: expect.any(Number),
      query: concurrently,
    },
  ]);
  // The table is open to everybody.
  await one.run('INSERT INTO visits VALUES (200002, 60, $$z$$)');
  await whileBuilding((await builders())[0]?.pid ?? 0);
  await writer.execute('COMMIT');
  expect(await undone).toEqual([]);
  expect(await one.facts()).toEqual(before);
  expect(await one.run('SELECT id FROM visits WHERE id > 200000 ORDER BY id')).toEqual([
    { id: 200001 },
    { id: 200002 },
  ]);
}

it('is built while others write', async () => {
  await one.apply(drops);
  await undoBeside(async () => {});
});

it('is built behind the lock where its building was ended half-way', async () => {
  await one.apply(drops);
  await undoBeside(async (pid) => {
    await one.run(`SELECT pg_cancel_backend(${pid})`);
    await expect.poll(() => one.run(building), patience).toEqual([]);
  });
});

// A build behind an older writer, that is cut off.
async function buildHalf(sql: string): Promise<void> {
  await using writer = await connect(one.address, { purpose: 'test' });
  await writer.execute('BEGIN; INSERT INTO visits VALUES (0, 0, $$y$$)');
  await using builder = await connect(one.address, { purpose: 'test' });
  await builder.execute('SET lock_timeout = 100');
  await builder.execute(sql);
}

const isWhole = `SELECT indisvalid AS whole FROM pg_index WHERE indexrelid = 'visits_kind'::regclass`;
const index = 'CREATE INDEX visits_kind ON public.visits USING btree (kind)';
const concurrently = index.replace('INDEX', 'INDEX CONCURRENTLY');

it('is built anew where a command that was killed has left half of it', async () => {
  await one.apply(drops);
  await expect(buildHalf(concurrently)).rejects.toThrow('lock timeout');
  expect(await one.run(isWhole)).toEqual([{ whole: false }]);
  await one.undo();
  expect(await one.run(isWhole)).toEqual([{ whole: true }]);
  expect(await one.facts()).toEqual(before);
});

it('is taken away before the others where half of it was left for lack of patience', async () => {
  await one.run('DROP INDEX visits_kind');
  const options = { address: one.address, wayBack: [index], alone: buildHalf };
  expect(await indexesBack(testContext(), options)).toEqual({
    built: new Set(),
    first: ['DROP INDEX "public"."visits_kind"'],
  });
});

it('is left to the way back where that changes the table itself', async () => {
  await one.apply('BEGIN; DROP INDEX visits_kind; ALTER TABLE visits RENAME kind TO sort; COMMIT;');
  const rename = 'ALTER TABLE public.visits RENAME COLUMN sort TO kind';
  const alone = (): never => {
    throw new Error('it is not to be built');
  };
  const options = { address: one.address, wayBack: [rename, index], alone };
  expect(await indexesBack(testContext(), options)).toEqual({ built: new Set(), first: [] });
  expect(await one.undo()).toEqual([]);
  expect(await one.facts()).toEqual(before);
});
