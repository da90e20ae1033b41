// The mark by which a rescue tells a migration from everybody else's writes: whatever Drydock changes in the
// application's tables, its transaction says so first. Read from the server's own log.

import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { applyPlan } from '../src/apply/apply.ts';
import { connect } from '../src/postgres/connect.ts';
import { testContext } from './database.ts';
import { type KeptDatabase, keptDatabase } from './kept-database.ts';
import { planOf } from './migrations.ts';

const slot = `mark_${randomBytes(4).toString('hex')}`;
const schema = `
  CREATE TABLE items (id int PRIMARY KEY, n int NOT NULL);
  INSERT INTO items SELECT n, n FROM generate_series(1, 3000) n`;

let one: KeptDatabase;

beforeEach(async () => {
  one = await keptDatabase(schema);
  await one.run(`SELECT pg_create_logical_replication_slot('${slot}', 'test_decoding')`);
});

afterEach(async () => {
  await one.run(`SELECT pg_drop_replication_slot('${slot}')`);
  await one[Symbol.asyncDispose]();
});

/** What each transaction since the last call began with, of those that changed rows of the application. */
async function firstWords(): Promise<readonly string[]> {
  // A slot reads what is on the disk, and commits on this server do not wait for that.
  await one.run(`SET synchronous_commit = on; SELECT pg_logical_emit_message(true, 'flush', '')`);
  const rows = await one.run<{ data: string }>(
    `SELECT data FROM pg_logical_slot_get_changes('${slot}', NULL, NULL, 'include-xids', 'false')`,
  );
  const text = rows.map(({ data }) => data).join('\n');
  return text
    .split(/^BEGIN\n/m)
    .filter((transaction) => transaction.includes('table public.'))
    .map((transaction) => transaction.replace(/,.*/s, ''));
}

async function apply(files: Readonly<Record<string, string>>): Promise<void> {
  const plan = await planOf(files);
  await applyPlan(testContext(), { address: one.address, plan, appliedBy: 'test' });
}

const mark = 'message: transactional: 1 prefix: drydock/migration';

it('is not sent by others', async () => {
  await one.run('UPDATE items SET n = 0 WHERE id = 1');
  expect(await firstWords()).toEqual([expect.stringMatching(/^table public.items: UPDATE/)]);
});

it('comes first in migrations that travel together', async () => {
  await apply({
    '001_a': 'INSERT INTO items VALUES (4001, 1);\n',
    '002_b': 'CREATE TABLE b (id int);\nINSERT INTO b VALUES (1);\n',
    '003_c': 'DELETE FROM items WHERE id = 1;\n',
  });
  expect(await firstWords()).toEqual([mark, mark, mark]);
});

it('comes first in a transaction that had to wait for its lock', async () => {
  await using holder = await connect(one.address, { purpose: 'test' });
  await holder.execute('BEGIN; LOCK TABLE items IN ACCESS EXCLUSIVE MODE');
  const applied = apply({
    '001_a': 'BEGIN;\nALTER TABLE items ADD COLUMN b int;\nUPDATE items SET b = n;\nCOMMIT;\n',
  });
  await setTimeout(500);
  await holder.execute('COMMIT');
  await applied;
  expect(await firstWords()).toEqual([mark]);
});

it('comes first in every batch', async () => {
  await apply({ '001_a': '-- drydock: batch size=500\nUPDATE items SET n = n + 1;\n' });
  const found = await firstWords();
  expect(found.length).toBeGreaterThan(1);
  expect(new Set(found)).toEqual(new Set([mark]));
});

it('comes first in the batches of an undo', async () => {
  await one.apply('UPDATE items SET n = n + 1;');
  expect(new Set(await firstWords())).toEqual(new Set([mark]));
  await one.undo();
  const found = await firstWords();
  expect(found.length).toBeGreaterThan(0);
  expect(new Set(found)).toEqual(new Set([mark]));
  expect(await one.run('SELECT count(*)::int AS changed FROM items WHERE n <> id')).toEqual([
    { changed: 0 },
  ]);
});
