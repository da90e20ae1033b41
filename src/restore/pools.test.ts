// A swap behind pgbouncer: it waits in the pool for the swap, and its clients see nothing of it.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backUpOptions } from '../../test/backups.ts';
import { type ConnectionPool, hasPgbouncer, startPool } from '../../test/connection-pool.ts';
import {
  serverAddress,
  type TestDatabase,
  testContext,
  testDatabase,
} from '../../test/database.ts';
import { PoolClients } from '../../test/pool-clients.ts';
import { backUp } from '../backup/back-up.ts';
import type { Backup } from '../backup/manifest.ts';
import { type Address, quoteIdentifier } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';
import { resumePools, whilePaused } from '../postgres/pools.ts';
import { type RestoreReport, restore } from './restore.ts';

let live: TestDatabase;
let backups: string;
let backup: Backup;
let pool: ConnectionPool;

beforeEach(async () => {
  live = await testDatabase({ sql: 'CREATE TABLE t (n int, restored boolean DEFAULT true)' });
  backups = await mkdtemp(join(tmpdir(), 'pools-'));
  backup = await backUp(testContext(), backUpOptions(live.address, backups));
  await using database = await connect(live.address, { purpose: 'test' });
  await database.execute('ALTER TABLE t ALTER restored SET DEFAULT false');
  if (hasPgbouncer) pool = await startPool(live.address, 'transaction');
});
afterEach(async () => {
  if (hasPgbouncer) await pool[Symbol.asyncDispose]();
  await live.drop();
  await rm(backups, { recursive: true });
});

async function restoring(pools: readonly Address[]): Promise<RestoreReport> {
  const report = await restore(testContext(), {
    environment: 'production',
    live: live.address,
    backup,
    carryOver: async () => {},
    pools,
  });
  await using server = await connect(serverAddress(), { purpose: 'test' });
  await server.execute(`DROP DATABASE ${quoteIdentifier(report.broken ?? '')}`);
  return report;
}

async function inLive<Row extends object>(sql: string): Promise<Row[]> {
  await using database = await connect(live.address, { purpose: 'test' });
  return await database.query<Row>(sql);
}

// Needs pgbouncer (Debian: apt-get install pgbouncer).
describe.skipIf(!hasPgbouncer)('behind pgbouncer', () => {
  it('no client sees an error when the database is swapped, and all go on in the restored one', async () => {
    const clients = new PoolClients(pool.address, 'INSERT INTO t (n) VALUES (1)');
    await clients.more();
    const report = await restoring([pool.address]);
    await clients.more();
    await clients.stop();
    expect(clients.errors).toEqual([]);
    expect(report.outcome).toBe('done');
    expect(await inLive('SELECT DISTINCT restored FROM t')).toEqual([{ restored: true }]);
  });

  it('a transaction that goes on for long is ended, and the others are let through again', async () => {
    await using lasting = await connect(pool.address, { purpose: 'lasting' });
    await lasting.execute('BEGIN; INSERT INTO t (n) VALUES (2)');
    const clients = new PoolClients(pool.address, 'INSERT INTO t (n) VALUES (1)');
    await clients.more();
    await restoring([pool.address]);
    await clients.more();
    await clients.stop();
    expect(clients.errors).toEqual([]);
    await expect(lasting.execute('COMMIT')).rejects.toThrow();
    expect(await inLive('SELECT FROM t WHERE n = 2')).toEqual([]);
  });

  it('all are let through again when the work fails, and after a command that was killed', async () => {
    const notes: string[] = [];
    const { database } = live.address;
    const pausing = {
      pools: [pool.address],
      database,
      note: (text: string) => void notes.push(text),
    };
    await using client = await connect(pool.address, { purpose: 'client' });
    const failing = whilePaused(pausing, async () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    expect(await client.query('SELECT 1 AS n')).toEqual([{ n: 1 }]);
    expect(notes).toEqual([]);

    // As a kill in the middle leaves it: the work never ends.
    let begun = (): void => {};
    const started = new Promise<void>((resolve) => {
      begun = resolve;
    });
    void whilePaused(pausing, () => {
      begun();
      return new Promise(() => {});
    });
    await started;
    const waiting = client.query('SELECT 2 AS n');
    await resumePools(pausing);
    expect(await waiting).toEqual([{ n: 2 }]);
    expect(notes).toEqual([
      `The pool ${pool.address.label} was paused for ${database}, and lets through again.`,
    ]);
  });

  it('a pool that does not answer holds nothing up, and is named', async () => {
    const notes: string[] = [];
    const gone = pool.address.withDatabase('pgbouncer');
    await pool[Symbol.asyncDispose]();
    const pausing = {
      pools: [gone],
      database: live.address.database,
      note: (text: string) => void notes.push(text),
    };
    expect(await whilePaused(pausing, async () => 'done')).toBe('done');
    expect(notes).toEqual([expect.stringMatching(/^The pool .*:\d+.* was not paused: /)]);
    pool = await startPool(live.address, 'transaction');
  });
});
