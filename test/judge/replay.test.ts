// The replay that a rescue stands on, judged: a copy of the snapshot that a slot exports, everything but the
// migration played into it, and the names swapped, while the writers go on.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { quietContext } from '../../src/core/context.ts';
import { runOrFail } from '../../src/core/process.ts';
import { connect, type Database } from '../../src/postgres/connect.ts';
import { clientFor, programPath } from '../../src/postgres/programs.ts';
import { ReplicationSession } from '../../src/postgres/replication.ts';
import { type CatalogImage, readImage } from '../../src/rescue/columns.ts';
import { migrationMark, Replay, type Salvaged } from '../../src/rescue/replay.ts';
import { type SandboxServer, startServer } from '../../src/sandbox/server.ts';
import { judge, tally } from './judge.ts';
import type { Ledger } from './ledger.ts';
import { type HarmfulMigration, harmfulMigrations } from './migrations.ts';
import seed from './seed.sql';
import { startWriters } from './writers.ts';

let server: SandboxServer;
const identities = (identity: string): string =>
  `DO $$ DECLARE t regclass; BEGIN
     FOR t IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
     LOOP EXECUTE format('ALTER TABLE %s REPLICA IDENTITY ${identity}', t); END LOOP; END $$`;

beforeAll(async () => {
  const settings = { wal_level: 'logical', max_wal_senders: '4', max_replication_slots: '4' };
  server = await startServer(quietContext(), { purpose: 'replay', settings, maxConnections: 60 });
});
afterAll(async () => server?.stop());

describe('the replay', () => {
  const all = harmfulMigrations.at(-1);
  test.each(all === undefined ? [] : [all])('leaves out: $name', async (migration) => {
    const { ledger, salvaged } = await rescued(migration);
    const differences = await judge(server.address('live'), ledger);
    expect(differences.slice(0, 20), JSON.stringify(tally(differences))).toEqual([]);
    expect(ledger.transactions.some(({ schema }) => schema === 'new')).toBe(true);
    expect(salvaged.length).toBeGreaterThan(0);
  });
});

async function rescued(
  migration: HarmfulMigration,
): Promise<{ readonly ledger: Ledger; readonly salvaged: readonly Salvaged[] }> {
  await using admin = await connect(server.address('postgres'), { purpose: 'test' });
  await admin.execute('CREATE DATABASE live');
  await admin.execute('CREATE DATABASE restored');
  const live = server.address('live');
  await using before = await connect(live, { purpose: 'test' });
  await before.execute(seed);
  const writers = await startWriters(live, migration.newCode);
  await before.execute(`${identities('FULL')}; CREATE PUBLICATION rescue FOR ALL TABLES`);
  await using session = await ReplicationSession.open(live);
  const { snapshot } = await session.createSlot('rescue', 5_000);
  await copySnapshot(before, snapshot);
  await session[Symbol.asyncDispose]();
  const was = await readImage(before);
  await writers.more(200);
  const is = await migrated(before, migration);
  await writers.more(300);
  await using target = await connect(server.address('restored'), { purpose: 'replay' });
  await target.execute(`${identities('DEFAULT')}; ALTER TABLE customers DISABLE TRIGGER USER`);
  const salvaged: Salvaged[] = [];
  const options = {
    target,
    before: was,
    after: () => Promise.resolve(is),
    onSalvage: (each: Salvaged) => salvaged.push(each),
  };
  // Stopped in the middle and begun again: nothing twice, nothing left out.
  await using first = await ReplicationSession.open(live);
  await drain(await Replay.begin(options), { admin: before, session: first, mark: 'half way' });
  await first[Symbol.asyncDispose]();
  await writers.more(100);
  // The fence keeps out this one too, so it is opened before.
  await using last = await ReplicationSession.open(live);
  await admin.execute('ALTER DATABASE live ALLOW_CONNECTIONS false');
  await admin.execute(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = 'live' AND application_name = 'drydock writer'`,
  );
  await drain(await Replay.begin(options), { admin: before, session: last, mark: 'fence' });
  await takeOver(before, target);
  await last[Symbol.asyncDispose]();
  await dropSlot(before);
  await Promise.all([before.close(), target.close()]);
  await admin.transaction(async () => {
    await admin.execute('ALTER DATABASE live RENAME TO broken');
    await admin.execute('ALTER DATABASE restored RENAME TO live');
  });
  await writers.more(200);
  return { ledger: await writers.stop(), salvaged };
}

// Aborted attempts are not decoded, so a deadlock is no more than another try.
async function migrated(database: Database, { sql }: HarmfulMigration): Promise<CatalogImage> {
  for (;;) {
    try {
      return await database.transaction(async () => {
        await database.execute(`SELECT pg_logical_emit_message(true, '${migrationMark}', '')`);
        await database.execute(
          'LOCK TABLE customers, orders, drafts, events IN ACCESS EXCLUSIVE MODE',
        );
        await database.execute(sql);
        return await readImage(database);
      });
    } catch (failure) {
      if (!String(failure).includes('deadlock')) throw failure;
    }
  }
}

async function copySnapshot(database: Database, snapshot: string): Promise<void> {
  const clients = await clientFor(database.version);
  const folder = await mkdtemp(join(tmpdir(), 'replay-'));
  const file = join(folder, 'dump');
  const from = server.address('live').connectionString();
  const to = server.address('restored').connectionString();
  const what = ['-Fc', '--no-publications', `--snapshot=${snapshot}`, `-f${file}`];
  await runOrFail(programPath(clients, 'pg_dump'), [`-d${from}`, ...what]);
  await runOrFail(programPath(clients, 'pg_restore'), [`-d${to}`, '-e', file]);
  await rm(folder, { recursive: true });
}

// Up to a message of our own: whatever was committed before it has been seen then.
async function drain(replay: Replay, { admin, session, mark }: Draining): Promise<void> {
  await admin.query(`SELECT pg_logical_emit_message(true, 'mark', $1)`, [mark]);
  const seen = new AbortController();
  await session.stream({
    slot: 'rescue',
    publication: 'rescue',
    safeLsn: () => replay.progress,
    signal: seen.signal,
    onTransaction: async (transaction) => {
      await replay.play(transaction);
      if (transaction.messages.some(({ content }) => content === mark)) seen.abort();
    },
  });
}

// Its session has ended here; the server may notice a moment later.
async function dropSlot(database: Database): Promise<void> {
  const active = `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots
    WHERE slot_name = 'rescue' AND active`;
  while ((await database.query(active)).length > 0) await sleep(20);
  await database.execute(`SELECT pg_drop_replication_slot('rescue')`);
}

interface Draining {
  readonly admin: Database;
  readonly session: ReplicationSession;
  readonly mark: string;
}

async function takeOver(live: Database, target: Database): Promise<void> {
  const rows = await live.query<{ name: string; last: string }>(
    `SELECT format('%I.%I', schemaname, sequencename) AS name, last_value::text AS last
       FROM pg_sequences WHERE last_value IS NOT NULL`,
  );
  for (const { name, last } of rows) {
    const exists = await target.query(`SELECT 1 WHERE to_regclass($1) IS NOT NULL`, [name]);
    if (exists.length > 0) await target.query('SELECT setval($1, $2)', [name, last]);
  }
  await target.execute(
    'ALTER TABLE customers ENABLE TRIGGER USER; DROP SCHEMA drydock_replay CASCADE',
  );
}
