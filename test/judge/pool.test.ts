// A rescue behind pgbouncer, judged: the writers come through a pool and see no error while the database is
// swapped. `script/soak rescue` writes for longer.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/schema.ts';
import { quietContext } from '../../src/core/context.ts';
import { armEnvironment } from '../../src/process/arming.ts';
import { rescueEnvironment } from '../../src/process/rescuing.ts';
import { applyChange } from '../../src/safe-change.ts';
import { hasPgbouncer, startPool } from '../connection-pool.ts';
import { onServer, testDatabase } from '../database.ts';
import { judge, tally } from './judge.ts';
import { harmfulMigrations } from './migrations.ts';
import seed from './seed.sql';
import { startWriters } from './writers.ts';

const each = Math.ceil(Number(process.env.RESCUE_TRANSACTIONS ?? 900) / 3);
const all = harmfulMigrations.at(-1);
const locks = 'LOCK TABLE customers, orders, drafts, events IN ACCESS EXCLUSIVE MODE';

test.skipIf(!hasPgbouncer)(
  'a rescue behind pgbouncer loses no write, keeps no harm, and no writer sees an error of it',
  { timeout: 1_800_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'drydock-pool-'));
    mkdirSync(join(folder, 'migrations'));
    const sql = `-- All harm.\nBEGIN;\n${locks};\n${all?.sql};\nCOMMIT;\n`;
    writeFileSync(join(folder, 'migrations', '001_harm.sql'), sql);
    const database = await testDatabase({ sql: seed });
    const { address } = database;
    await using pool = await startPool(address, 'transaction', 10);
    try {
      const pgbouncer = pool.address.withDatabase('pgbouncer').connectionString();
      const environments = { live: { url: address.connectionString(), pgbouncer } };
      const config = parseConfig(
        { environments },
        { root: folder, file: undefined, variables: {} },
      );
      const actor = { who: 'ana', host: 'laptop' };
      const project = { config, context: quietContext(), actor };
      const writers = await startWriters(pool.address, all?.newCode ?? {});
      await writers.more(each);
      await armEnvironment(project, { environment: 'live', cold: false });
      await writers.more(each);
      const answers = { plan: async () => true, final: async () => true };
      await applyChange(project, { environment: 'live', answers, waivers: [] });
      await writers.more(each);
      const report = await rescueEnvironment(project, {
        environment: 'live',
        ask: async () => true,
      });
      expect(report.outcome).toBe('rescued');
      await writers.more(each);
      const ledger = await writers.stop();
      const differences = await judge(address, ledger);
      expect(differences.slice(0, 20), JSON.stringify(tally(differences))).toEqual([]);
      expect(ledger.reconnects).toBe(0);
      expect(ledger.transactions.filter(({ outcome }) => outcome === 'in doubt')).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
      const left = await onServer<{ name: string }>(
        `SELECT quote_ident(datname) AS name FROM pg_database WHERE starts_with(datname, '${address.database}')`,
      );
      for (const { name } of left) await onServer(`DROP DATABASE ${name} WITH (FORCE)`);
    }
  },
);
