// The whole way at once, on databases that nobody has thought of: writers at work, a backup, a migration that
// does harm, a restore with its swap under the writers; then every cell, the schema as pg_dump writes it, and
// every page. `GATE_SEED=7` tells one run again, `GATE_RUNS=50` makes it many.

import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { backUp } from '../src/backup/back-up.ts';
import { prove } from '../src/backup/prove.ts';
import { runOrFail } from '../src/core/process.ts';
import { type Address, quoteIdentifier } from '../src/postgres/address.ts';
import { clientEnvironment } from '../src/postgres/archive.ts';
import { connect } from '../src/postgres/connect.ts';
import { examine } from '../src/postgres/examine.ts';
import { clientFor, programPath } from '../src/postgres/programs.ts';
import { sqlStateOf } from '../src/postgres/server-error.ts';
import { restore } from '../src/restore/restore.ts';
import { startServer } from '../src/sandbox/server.ts';
import { backUpOptions } from './backups.ts';
import { serverAddress, testContext, testDatabase } from './database.ts';
import { Dice, randomDatabase } from './random-database.ts';
import { RandomWriters, readModel } from './random-writers.ts';

const first = Number(process.env.GATE_SEED ?? randomInt(1_000_000));
const seeds = Array.from({ length: Number(process.env.GATE_RUNS ?? 2) }, (_, run) => first + run);

/** What pg_dump says of the schema, without the lines that are different each time. */
async function schemaOf(address: Address): Promise<string> {
  const program = programPath(await clientFor(150_000), 'pg_dump');
  const args = ['--schema-only', `--dbname=${address.toolArgument()}`];
  const { stdout } = await runOrFail(program, args, { env: clientEnvironment(address) });
  return stdout.replaceAll(/^\\(un)?restrict .*$/gm, '');
}

// Among writers each statement may meet a deadlock; foreign keys do not stop a migration that does harm.
async function oneByOne(address: Address, statements: readonly string[]): Promise<void> {
  await using session = await connect(address, { purpose: 'test' });
  await session.execute('SET session_replication_role = replica');
  const left = [...statements];
  for (let next = left.shift(); next !== undefined; next = left.shift()) {
    const statement = next;
    await session.execute(statement).catch((failure: unknown) => {
      if (sqlStateOf(failure) !== '40P01') throw failure;
      left.unshift(statement);
    });
  }
}

const tables = Number(process.env.GATE_TABLES ?? 0);

// Takes minutes: `script/soak backup`.
it.runIf(tables > 0)(
  'so many tables are backed up, proven and restored',
  async () => {
    // Every table is a lock of the dump, and so is its index.
    const settings = { max_locks_per_transaction: String(Math.ceil(tables / 10)) };
    const wanted = { purpose: 'gate', sizeBytes: tables * 65_536, settings };
    await using source = await startServer(testContext(), wanted);
    const address = source.address('many');
    {
      await using server = await connect(source.address('postgres'), { purpose: 'test' });
      await server.execute('CREATE DATABASE many');
      await using session = await connect(address, { purpose: 'test' });
      for (let from = 1; from <= tables; from += 500)
        await session.execute(
          `DO $$ BEGIN FOR n IN ${from}..${Math.min(from + 499, tables)} LOOP EXECUTE format('CREATE TABLE t%s AS SELECT %s AS id', n, n); END LOOP; END $$`,
        );
    }
    const backups = await mkdtemp(join(tmpdir(), 'gate-'));
    const backup = await backUp(testContext(), backUpOptions(address, backups));
    expect(Object.keys(backup.manifest.contents.tables)).toHaveLength(tables);
    const { server, proof } = await prove(testContext(), {
      backup,
      startServer: (each) => startServer(testContext(), { ...each, settings }),
    });
    await server.stop();
    expect(proof.compared).toMatchObject({ tables, rows: tables });
    const report = await restore(testContext(), {
      environment: 'production',
      live: address,
      backup,
      carryOver: async () => {},
    });
    expect(report.outcome).toBe('done');
    await rm(backups, { recursive: true });
  },
  1_200_000,
);

it.each(seeds)('a restore brings back every cell of the backup (GATE_SEED=%i)', async (seed) => {
  const made = randomDatabase(new Dice(seed));
  await using live = await testDatabase({ sql: made.sql });
  const backups = await mkdtemp(join(tmpdir(), 'gate-'));
  const writers = new RandomWriters(live.address, made, seed);
  await writers.more(150);
  await oneByOne(live.address, made.afterRows);
  const schema = await schemaOf(live.address);

  const before = new Set(writers.acknowledged);
  const backup = await backUp(testContext(), {
    ...backUpOptions(live.address, backups),
    hashUpToBytes: Infinity,
    folderFromBytes: seed % 2 === 0 ? 0 : Infinity,
  });
  const until = new Set(writers.acknowledged);
  const { server } = await prove(testContext(), {
    backup,
    startServer: (wanted) => startServer(testContext(), wanted),
  });
  await server.stop();
  await writers.more(50);
  await oneByOne(live.address, made.badMigration);

  const broken: string[] = [];
  const report = await restore(testContext(), {
    environment: 'production',
    live: live.address,
    backup,
    carryOver: async (restored) => {
      // The backup as it is, before anybody writes to it again.
      const { model, writes } = await readModel(restored.address, made);
      expect(model).toEqual(writers.model(writes));
      const lost = [...before].filter((id) => !writes.has(id));
      expect(lost, 'acknowledged before the backup').toEqual([]);
      const late = writers.acknowledged.filter((id) => writes.has(id) && !until.has(id));
      expect(late, 'acknowledged after the backup').toEqual([]);
      expect(Object.values(model).flatMap(Object.keys).length).toBeGreaterThan(50);
    },
  });
  if (report.broken !== null) broken.push(report.broken);
  await writers.more(150);
  await writers.stop();

  const { model, writes } = await readModel(live.address, made);
  expect(model).toEqual(writers.model(writes));
  expect(await schemaOf(live.address)).toBe(schema);
  await using restored = await connect(live.address, { purpose: 'test' });
  const examined = await examine(restored);
  expect(examined?.problems).toEqual([]);
  expect(examined?.indexes).toBeGreaterThan(made.tables.length);
  await using maintenance = await connect(serverAddress(), { purpose: 'test' });
  for (const name of broken) await maintenance.execute(`DROP DATABASE ${quoteIdentifier(name)}`);
  await rm(backups, { recursive: true });
});
