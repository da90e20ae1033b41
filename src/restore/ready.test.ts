// What a restore hands over: statistics, marks of what everybody may see, and filled views; and what it
// does about a view that cannot be filled in the middle of an emergency.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { backUpOptions } from '../../test/backups.ts';
import { onServer, type TestDatabase, testContext, testDatabase } from '../../test/database.ts';
import { type BackUpOptions, backUp } from '../backup/back-up.ts';
import { prove } from '../backup/prove.ts';
import { type Address, quoteIdentifier } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';
import { startServer } from '../sandbox/server.ts';
import { restore } from './restore.ts';
import { restoreBeside } from './restore-beside.ts';
import { restoreElsewhere } from './restore-elsewhere.ts';
import { restoreTables } from './restore-tables.ts';

let live: TestDatabase;
let backups: string;
let options: BackUpOptions;

beforeAll(async () => {
  live = await testDatabase({
    sql: `CREATE TABLE users AS SELECT n AS id, n % 7 AS kind FROM generate_series(1, 5000) n;
      CREATE MATERIALIZED VIEW kinds AS SELECT kind, count(*) AS n FROM users GROUP BY kind;
      CREATE MATERIALIZED VIEW z_first AS SELECT n FROM kinds;
      CREATE MATERIALIZED VIEW a_second AS SELECT sum(n) AS n FROM z_first`,
  });
  backups = await mkdtemp(join(tmpdir(), 'ready-'));
  options = backUpOptions(live.address, backups);
});
afterAll(async () => {
  await live.drop();
  await rm(backups, { recursive: true, force: true });
});

/**
 * Tables and views without statistics, or that nobody has vacuumed. Whether every page has its mark depends on
 * what others do meanwhile: a replication slot that is being made keeps all of the server's rows visible.
 */
async function unready(address: Address, schema = 'public'): Promise<object[]> {
  await using database = await connect(address, { purpose: 'test' });
  return await database.query(
    `SELECT c.relname AS name, vacuum_count AS vacuums FROM pg_class c
       LEFT JOIN pg_stat_all_tables ON relid = c.oid
      WHERE relnamespace = to_regnamespace($1) AND relkind IN ('r', 'm')
        AND (coalesce(vacuum_count, 0) = 0 OR relpages = 0 OR reltuples < 1
             OR NOT EXISTS (SELECT FROM pg_statistic WHERE starelid = c.oid)) ORDER BY 1`,
    [schema],
  );
}

async function filledViews(address: Address): Promise<string[]> {
  await using database = await connect(address, { purpose: 'test' });
  const rows = await database.query<{ name: string }>(
    `SELECT matviewname AS name FROM pg_matviews WHERE ispopulated ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

it('what comes back has statistics and is vacuumed, whichever way it comes', async () => {
  const backup = await backUp(testContext(), options);
  const { environment } = options;
  const name = `${live.address.database}_ready`;
  await using into = await testDatabase();

  await restoreBeside(testContext(), { environment, live: live.address, backup, name });
  await restoreElsewhere(testContext(), { environment, backup, into: into.address });
  const single = { environment, live: live.address, backup, tables: ['users'] };
  const { schema } = await restoreTables(testContext(), single);
  const swapped = await restore(testContext(), {
    environment,
    live: live.address.withDatabase(name),
    backup,
    carryOver: async () => {},
  });

  // Version 14 tells how often a table was vacuumed a moment later.
  await expect.poll(() => unready(live.address.withDatabase(name))).toEqual([]);
  await expect.poll(() => unready(into.address)).toEqual([]);
  await expect.poll(() => unready(live.address, schema)).toEqual([]);
  await onServer(`DROP DATABASE ${quoteIdentifier(name)}`);
  await onServer(`DROP DATABASE ${quoteIdentifier(swapped.broken ?? '')}`);
});

it('a view that cannot be filled keeps nothing else away: it is named with the command, and a proof of such a backup fails', async () => {
  await using database = await connect(live.address, { purpose: 'test' });
  // The query goes on to fail where it once did not.
  await database.execute(`CREATE TABLE divisor AS SELECT 1 AS n;
    CREATE MATERIALIZED VIEW ratio AS SELECT 1 / n AS n FROM divisor;
    CREATE MATERIALIZED VIEW of_ratio AS SELECT n FROM ratio; UPDATE divisor SET n = 0`);
  const backup = await backUp(testContext(), options);
  const name = `${live.address.database}_ratio`;
  const context = testContext();
  const report = await restoreBeside(context, {
    environment: 'production',
    live: live.address,
    backup,
    name,
  });
  expect(report.unfilled).toEqual([
    { name: 'public.ratio', reason: 'division by zero' },
    {
      name: 'public.of_ratio',
      reason: 'materialized view "ratio" has not been populated',
    },
  ]);
  expect(context.events).toContainEqual({
    kind: 'note',
    text: 'public.ratio is left empty: division by zero. REFRESH MATERIALIZED VIEW public.ratio;',
  });
  const filled = ['a_second', 'kinds', 'z_first'];
  expect(await filledViews(live.address.withDatabase(name))).toEqual(filled);
  await onServer(`DROP DATABASE ${quoteIdentifier(name)}`);

  const proof = prove(testContext(), {
    backup,
    startServer: (wanted) => startServer(testContext(), wanted),
  });
  await expect(proof).rejects.toMatchObject({
    code: 'proof/not-restorable',
    message: expect.stringContaining('division by zero'),
  });
});

it('views are filled later when that is asked for, and a question before the swap says so', async () => {
  const backup = await backUp(testContext(), options);
  await using copy = await testDatabase();
  let asked: readonly object[] = [];
  const report = await restore(testContext(), {
    environment: 'production',
    live: copy.address,
    backup,
    carryOver: async () => {},
    viewsLater: true,
    confirmSwap: async ({ unfilled }) => {
      asked = unfilled;
      return true;
    },
  });
  expect(report.outcome).toBe('done');
  expect(asked).toHaveLength(5);
  expect(report.unfilled).toEqual(asked);
  expect(await filledViews(copy.address)).toEqual([]);
  await onServer(`DROP DATABASE ${quoteIdentifier(report.broken ?? '')}`);
});

it('a database that its settings open for reading alone is proven and restored as well', async () => {
  await using readable = await testDatabase({
    sql: 'CREATE TABLE t AS SELECT 1 AS n; CREATE MATERIALIZED VIEW seen AS SELECT n FROM t',
  });
  const { database } = readable.address;
  const name = `${database}_back`;
  await onServer(
    `ALTER DATABASE ${quoteIdentifier(database)} SET default_transaction_read_only = on`,
  );
  const backup = await backUp(testContext(), { ...options, address: readable.address });
  const proven = await prove(testContext(), {
    backup,
    startServer: (wanted) => startServer(testContext(), wanted),
  });
  await proven.server.stop();
  const where = { environment: 'production', live: readable.address, name };
  const { unfilled } = await restoreBeside(testContext(), { ...where, backup });
  expect(unfilled).toEqual([]);
  expect(await filledViews(readable.address.withDatabase(name))).toEqual(['seen']);
  await onServer(`DROP DATABASE ${quoteIdentifier(name)}`);
});
