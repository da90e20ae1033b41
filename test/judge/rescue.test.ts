// A rescue, judged: the database is armed, a migration does all the harm that there is, the writers go on
// with the old code and then with the new; and the database from before comes back with every write.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/schema.ts';
import { quietContext } from '../../src/core/context.ts';
import { connect } from '../../src/postgres/connect.ts';
import { armEnvironment } from '../../src/process/arming.ts';
import type { Project } from '../../src/process/project.ts';
import { type RescueReport, rescueEnvironment } from '../../src/process/rescuing.ts';
import { applyChange } from '../../src/safe-change.ts';
import { type SandboxServer, startServer } from '../../src/sandbox/server.ts';
import { judge, tally } from './judge.ts';
import type { Ledger } from './ledger.ts';
import { type HarmfulMigration, harmfulMigrations } from './migrations.ts';
import seed from './seed.sql';
import { startWriters } from './writers.ts';

// Not for the rescue: a row that moves to another partition meanwhile would end the migration.
const locks = 'LOCK TABLE customers, orders, drafts, events IN ACCESS EXCLUSIVE MODE';

let server: SandboxServer;
let folder: string;

beforeAll(async () => {
  const settings = { wal_level: 'logical', max_wal_senders: '6', max_replication_slots: '6' };
  server = await startServer(quietContext(), { purpose: 'rescue', settings, maxConnections: 60 });
});
afterAll(async () => server?.stop());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drydock-rescue-'));
  mkdirSync(join(folder, 'migrations'));
});
afterEach(() => rmSync(folder, { recursive: true }));

// Acknowledged transactions: before, under the armed old code, and after the migration.
const each = Math.ceil(Number(process.env.RESCUE_TRANSACTIONS ?? 900) / 3);

describe('a rescue', () => {
  const all = harmfulMigrations.at(-1) as HarmfulMigration;
  test.each(['warm', 'cold'] as const)('loses no write and keeps no harm: %s', async (how) => {
    const database = `live_${how}`;
    const { ledger, report } = await rescued(all, { database, cold: how === 'cold' });
    const differences = await judge(server.address(database), ledger);
    expect(differences.slice(0, 20), JSON.stringify(tally(differences))).toEqual([]);
    expect(ledger.transactions.some(({ schema }) => schema === 'new')).toBe(true);
    expect(report.comparison?.unexplained).toEqual([]);
    expect(report.comparison?.rows).toBeGreaterThan(0);
    const lines = readFileSync(report.file ?? '', 'utf8')
      .trim()
      .split('\n');
    expect(lines.length).toBe(report.salvaged.reduce((sum, { rows }) => sum + rows, 0));
  });
});

function projectOn(database: string): Project {
  const environments = { live: { url: server.address(database).connectionString() } };
  const config = parseConfig({ environments }, { root: folder, file: undefined, variables: {} });
  return { config, context: quietContext(), actor: { who: 'ana', host: 'laptop' } };
}

async function rescued(
  { sql }: HarmfulMigration,
  { database, cold }: { readonly database: string; readonly cold: boolean },
): Promise<{ readonly ledger: Ledger; readonly report: RescueReport }> {
  const all = harmfulMigrations.at(-1) as HarmfulMigration;
  {
    await using admin = await connect(server.address('postgres'), { purpose: 'test' });
    await admin.execute(`CREATE DATABASE ${database}`);
    await using before = await connect(server.address(database), { purpose: 'test' });
    await before.execute(seed);
  }
  writeFileSync(
    join(folder, 'migrations', '001_harm.sql'),
    `-- All harm.\nBEGIN;\n${locks};\n${sql};\nCOMMIT;\n`,
  );
  const project = projectOn(database);
  const writers = await startWriters(server.address(database), all.newCode);
  await writers.more(each);
  await armEnvironment(project, { environment: 'live', cold });
  await writers.more(each);
  const answers = { plan: async () => true, final: async () => true };
  const applied = await applyChange(project, { environment: 'live', answers, waivers: [] });
  expect(applied.outcome).toBe('applied');
  await writers.more(each);
  const report = await rescueEnvironment(project, { environment: 'live', ask: async () => true });
  expect(report.outcome).toBe('rescued');
  await writers.more(each);
  return { ledger: await writers.stop(), report };
}
