import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type TestDatabase, testContext, testDatabase } from '../../test/database.ts';
import { parseConfig } from '../config/schema.ts';
import { readJournal } from '../history/journal.ts';
import { recordStep } from '../history/ledger.ts';
import { connect } from '../postgres/connect.ts';
import { backUpEnvironment, proveBackup } from './backing-up.ts';
import { dropBrokenDatabase, type Pruning, pruneBackups } from './clearing-up.ts';
import type { Project } from './project.ts';

const dayMs = 24 * 3_600_000;
let folder: string;
let dev: TestDatabase;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'drydock-test-'));
  dev = await testDatabase({ sql: 'CREATE TABLE t AS SELECT generate_series(1, 9) AS n' });
});
afterEach(async () => {
  await dev.drop();
  rmSync(folder, { recursive: true });
});

/** The project as it is, or was, so many days ago. */
function projectAt(daysAgo: number): Project {
  const input = { environments: { dev: { url: dev.address.connectionString() } } };
  const config = parseConfig(input, { root: folder, file: undefined, variables: {} });
  const context = testContext();
  const now = (): Date => new Date(Date.now() - daysAgo * dayMs);
  const clock = { ...context.clock, now };
  return { config, context: { ...context, clock }, actor: { who: 'ana', host: 'laptop' } };
}

const pruning = (confirm: () => Promise<boolean> = async () => true): Promise<Pruning> =>
  pruneBackups(projectAt(0), { environment: 'dev', confirm });

async function backUpDaysAgo(days: number): Promise<string> {
  return (await backUpEnvironment(projectAt(days), { environment: 'dev', reason: 'test' })).name;
}

it('pruning asks, removes what the configuration does not keep, and is in the journal', async () => {
  const old = await backUpDaysAgo(31);
  const young = await backUpDaysAgo(2);
  await proveBackup(projectAt(0), { environment: 'dev' });
  expect((await pruning(async () => false)).report).toBeNull();
  const { plan, report } = await pruning();
  expect(plan.map(({ backup: { name }, fate }) => [name, fate])).toEqual([
    [young, 'keep'],
    [old, 'delete'],
  ]);
  expect(report?.trashed).toEqual([old]);
  await using database = await connect(dev.address, { purpose: 'test' });
  const [last] = (await readJournal(database)).map(({ entry }) => entry);
  expect(last).toMatchObject({ command: 'prune', phase: 'done', details: { trashed: [old] } });
  const asked = async (): Promise<boolean> => {
    throw new Error('nothing goes, so nothing is asked');
  };
  expect((await pruning(asked)).report).toBeNull();
});

it('the backup of a migration that is still watched stays', async () => {
  const old = await backUpDaysAgo(31);
  await backUpDaysAgo(2);
  await proveBackup(projectAt(0), { environment: 'dev' });
  await using database = await connect(dev.address, { purpose: 'test' });
  await recordStep(database, {
    version: '008',
    name: '008_add_teacher_mode.sql',
    checksum: 'c',
    plan: 'p',
    stepsDone: 1,
    stepsTotal: 1,
    appliedBy: 'ana@laptop',
    durationMs: 1,
    backup: old,
  });
  expect((await pruning()).plan.at(-1)).toMatchObject({
    fate: 'keep',
    reason: 'its migration or restore is still watched',
  });
});

it('a broken database is dropped by name, in the journal, and no other database ever is', async () => {
  const name = `${dev.address.database}_broken_20251015_120000`;
  const drop = (wanted?: string): Promise<unknown> =>
    dropBrokenDatabase(projectAt(0), {
      environment: 'dev',
      name: wanted,
      confirm: async () => true,
    });
  for (const [wanted, said] of [
    [undefined, 'left a database behind'],
    ['postgres', 'left a database postgres behind'],
  ] as const)
    await expect(drop(wanted)).rejects.toMatchObject({
      code: 'usage/no-such-leftover',
      message: expect.stringContaining(said),
    });
  await testDatabase({ name });
  const refused = await dropBrokenDatabase(projectAt(0), {
    environment: 'dev',
    confirm: async () => false,
  });
  expect(refused).toBeNull();
  expect(await drop()).toMatchObject({ name, kind: 'broken' });
  await using database = await connect(dev.address, { purpose: 'test' });
  const [last] = (await readJournal(database)).map(({ entry }) => entry);
  expect(last).toMatchObject({ command: 'drop-broken', details: { dropped: name } });
  expect(await database.query('SELECT FROM pg_database WHERE datname = $1', [name])).toEqual([]);
});
