// A rescue, judged: the database is armed, a migration does all the harm that there is, the writers go on
// with the old code and then with the new; and the database from before comes back with every write.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/schema.ts';
import { quietContext } from '../../src/core/context.ts';
import type { Address } from '../../src/postgres/address.ts';
import { connect } from '../../src/postgres/connect.ts';
import { type ArmReport, armEnvironment } from '../../src/process/arming.ts';
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

const walLevels = { stream: 'logical', triggers: 'replica' } as const;

let servers: Readonly<Record<keyof typeof walLevels, SandboxServer>>;
let folder: string;

beforeAll(async () => {
  const start = (wal_level: string): Promise<SandboxServer> => {
    const settings = { wal_level, max_wal_senders: '6', max_replication_slots: '6' };
    return startServer(quietContext(), { purpose: 'rescue', settings, maxConnections: 60 });
  };
  servers = { stream: await start(walLevels.stream), triggers: await start(walLevels.triggers) };
});
afterAll(async () => {
  for (const server of Object.values(servers ?? {})) await server.stop();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drydock-rescue-'));
  mkdirSync(join(folder, 'migrations'));
});
afterEach(() => rmSync(folder, { recursive: true }));

// Acknowledged transactions: before, under the armed old code, and after the migration.
const each = Math.ceil(Number(process.env.RESCUE_TRANSACTIONS ?? 900) / 3);

describe('a rescue', () => {
  const all = harmfulMigrations.at(-1) as HarmfulMigration;
  test.each([
    { capture: 'stream', how: 'warm' },
    { capture: 'stream', how: 'cold' },
    { capture: 'triggers', how: 'warm' },
    { capture: 'triggers', how: 'cold' },
  ] as const)('loses no write and keeps no harm: by $capture, $how', async ({ capture, how }) => {
    const live = servers[capture].address(`live_${how}`);
    const { ledger, armed, report } = await rescued(all, { live, cold: how === 'cold' });
    expect(armed.capture).toBe(capture);
    const differences = await judge(live, ledger);
    expect(differences.slice(0, 20), JSON.stringify(tally(differences))).toEqual([]);
    expect(ledger.transactions.some(({ schema }) => schema === 'new')).toBe(true);
    expect(report.comparison?.unexplained).toEqual([]);
    expect(report.salvaged.map(({ table }) => table)).toEqual([
      'public.customers',
      'public.shipments',
    ]);
    expect(report.comparison?.rows).toBeGreaterThan(0);
    const lines = readFileSync(report.file ?? '', 'utf8')
      .trim()
      .split('\n');
    expect(lines.length).toBe(report.salvaged.reduce((sum, { rows }) => sum + rows, 0));
  });
});

function projectOn(live: Address): Project {
  const environments = { live: { url: live.connectionString() } };
  const config = parseConfig({ environments }, { root: folder, file: undefined, variables: {} });
  return { config, context: quietContext(), actor: { who: 'ana', host: 'laptop' } };
}

async function rescued(
  { sql }: HarmfulMigration,
  { live, cold }: { readonly live: Address; readonly cold: boolean },
): Promise<{
  readonly ledger: Ledger;
  readonly armed: ArmReport;
  readonly report: RescueReport;
}> {
  const all = harmfulMigrations.at(-1) as HarmfulMigration;
  {
    await using admin = await connect(live.withDatabase('postgres'), { purpose: 'test' });
    await admin.execute(`CREATE DATABASE ${live.database}`);
    await using before = await connect(live, { purpose: 'test' });
    await before.execute(seed);
  }
  writeFileSync(
    join(folder, 'migrations', '001_harm.sql'),
    `-- All harm.\nBEGIN;\n${locks};\n${sql};\nCOMMIT;\n`,
  );
  const project = projectOn(live);
  const writers = await startWriters(live, all.newCode);
  await writers.more(each);
  const armed = await armEnvironment(project, { environment: 'live', cold });
  await writers.more(each);
  const answers = { plan: async () => true, final: async () => true };
  const applied = await applyChange(project, { environment: 'live', answers, waivers: [] });
  expect(applied.outcome).toBe('applied');
  await writers.more(each);
  const report = await rescueEnvironment(project, { environment: 'live', ask: async () => true });
  expect(report.outcome).toBe('rescued');
  await writers.more(each);
  return { ledger: await writers.stop(), armed, report };
}
