// Backup, proof and restore where the circumstances are odd rather than the data.

import { chmod, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backUpOptions } from '../../test/backups.ts';
import {
  onServer,
  serverAddress,
  type TestDatabase,
  testContext,
  testDatabase,
} from '../../test/database.ts';
import { type BackUpOptions, backUp } from '../backup/back-up.ts';
import type { Backup } from '../backup/manifest.ts';
import { prove } from '../backup/prove.ts';
import { run } from '../core/process.ts';
import { Address, quoteIdentifier } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';
import { compareContents, readContents } from '../postgres/contents.ts';
import { startServer } from '../sandbox/server.ts';
import { type RestoreReport, restore } from './restore.ts';

let live: TestDatabase;
let folder: string;
const role = 'narrow';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'odd circumstances-'));
  live = await testDatabase({
    sql: `CREATE TABLE t (n int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 9);
      CREATE MATERIALIZED VIEW seen AS SELECT n FROM t; CREATE MATERIALIZED VIEW again AS SELECT n FROM seen`,
  });
});
afterEach(async () => {
  await live.drop();
  await rm(folder, { recursive: true, force: true });
});
afterAll(() => onServer(`DROP ROLE IF EXISTS ${role}`));

function optionsFor(more: Partial<BackUpOptions> = {}): BackUpOptions {
  return backUpOptions(live.address, folder, more);
}

async function proving(backup: Backup): Promise<void> {
  const { server } = await prove(testContext(), {
    backup,
    startServer: (wanted) => startServer(testContext(), wanted),
  });
  await server.stop();
}

/** Restores over the live database, which must be as in the backup then. */
async function bringBack(backup: Backup, address = live.address): Promise<RestoreReport> {
  const report = await restore(testContext(), {
    environment: 'production',
    live: address,
    backup,
    carryOver: async () => {},
  });
  {
    await using database = await connect(live.address, { purpose: 'test' });
    const { contents } = backup.manifest;
    const found = await readContents(database, { like: contents.hashes });
    expect(compareContents(contents, found)).toEqual([]);
  }
  await onServer(`DROP DATABASE ${quoteIdentifier(report.broken ?? '')}`);
  return report;
}

/** The live database as its owner, who is no superuser, sees it. */
async function asOwner(): Promise<Address> {
  await onServer(`DROP ROLE IF EXISTS ${role}; CREATE ROLE ${role} LOGIN CREATEDB PASSWORD 'n'`);
  await onServer(`ALTER DATABASE ${quoteIdentifier(live.address.database)} OWNER TO ${role}`);
  await using database = await connect(live.address, { purpose: 'test' });
  await database.execute(
    `ALTER TABLE t OWNER TO ${role}; ALTER MATERIALIZED VIEW seen OWNER TO ${role};
     ALTER MATERIALIZED VIEW again OWNER TO ${role}; ALTER SCHEMA public OWNER TO ${role}`,
  );
  const url = new URL(live.address.connectionString());
  url.username = role;
  url.password = 'n';
  return Address.parse(url.href);
}

describe('a backup', () => {
  it('goes to a folder with spaces in its path and back, by a link too', async () => {
    const backups = join(folder, "it's a folder; with «spaces»");
    await mkdir(join(folder, 'elsewhere'));
    await symlink(join(folder, 'elsewhere'), backups);
    for (const folderFromBytes of [0, Infinity]) {
      const backup = await backUp(testContext(), optionsFor({ backups, folderFromBytes }));
      await proving(backup);
      await bringBack(backup);
    }
    expect(await readdir(join(folder, 'elsewhere', 'production'))).not.toEqual([]);
  });

  it('of a database with nothing in it is proven and restored', async () => {
    await using nothing = await testDatabase();
    const backup = await backUp(testContext(), optionsFor({ address: nothing.address }));
    expect(backup.manifest.contents.tables).toEqual({});
    await proving(backup);
    const report = await restore(testContext(), {
      environment: 'production',
      live: nothing.address,
      backup,
      carryOver: async () => {},
    });
    expect(report.outcome).toBe('done');
    await onServer(`DROP DATABASE ${quoteIdentifier(report.broken ?? '')}`);
  });

  it('is taken once where two begin at once', async () => {
    const both = await Promise.allSettled([
      backUp(testContext(), optionsFor()),
      backUp(testContext(), optionsFor()),
    ]);
    const refused = both.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
    expect(refused).toMatchObject([{ code: 'backup/already-running' }]);
    const dumps = (await readdir(join(folder, 'production'))).filter((name) =>
      name.endsWith('.dump'),
    );
    expect(dumps).toHaveLength(1);
  });

  it('leaves nothing on a file system that is read only, and says so', async (context) => {
    const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'ro', 'none', folder]);
    if (mounted.exitCode !== 0) {
      context.skip('only root may mount a file system here');
      return;
    }
    try {
      await expect(backUp(testContext(), optionsFor())).rejects.toMatchObject({
        code: 'backup/folder-not-writable',
        message: expect.stringContaining('EROFS'),
      });
    } finally {
      await run('umount', [folder]);
    }
  });

  it('by a role that may open one session alone is refused, and leaves nothing', async () => {
    const address = await asOwner();
    await onServer(`ALTER ROLE ${role} CONNECTION LIMIT 1`);
    await expect(backUp(testContext(), optionsFor({ address }))).rejects.toMatchObject({
      code: 'postgres/too-many-connections',
    });
    expect(await readdir(join(folder, 'production'))).toEqual([]);
  });

  it('leaves nothing when the server ends in the middle of the dump', async () => {
    await using server = await startServer(testContext(), { purpose: 'test' });
    await chmod(folder, 0o755);
    const address = server.address('postgres');
    {
      await using database = await connect(address, { purpose: 'test' });
      await database.execute('CREATE TABLE t AS SELECT 1 AS n');
    }
    await using holder = await connect(address, { purpose: 'test' });
    await holder.execute('BEGIN; LOCK TABLE t');
    const backup = backUp(testContext(), optionsFor({ address })).catch(
      (failure: unknown) => failure,
    );
    await using watcher = await connect(address, { purpose: 'test' });
    await expect
      .poll(() =>
        watcher.query(
          `SELECT FROM pg_stat_activity WHERE application_name = 'pg_dump' AND wait_event_type = 'Lock'`,
        ),
      )
      .toHaveLength(1);
    await server.stop();
    expect(await backup).toMatchObject({ code: expect.stringMatching(/^(backup|postgres)\//) });
    expect(await readdir(join(folder, 'production'))).toEqual([]);
  });
});

describe('a restore', () => {
  it('of a database for one session at a time is done by its owner, and the limit is as before', async () => {
    const address = await asOwner();
    const name = quoteIdentifier(live.address.database);
    const backup = await backUp(testContext(), optionsFor({ address }));
    const { source } = backup.manifest;
    const properties = { ...source.properties, connectionLimit: 1 };
    const limited = {
      ...backup,
      manifest: { ...backup.manifest, source: { ...source, properties } },
    };
    await bringBack(limited, address);
    await using server = await connect(serverAddress(), { purpose: 'test' });
    const limit = 'SELECT datconnlimit AS most FROM pg_database WHERE datname = $1';
    expect(await server.query(limit, [live.address.database])).toEqual([{ most: 1 }]);
    await server.execute(
      `ALTER DATABASE ${name} OWNER TO ${quoteIdentifier(serverAddress().user ?? '')}`,
    );
    await onServer(`REASSIGN OWNED BY ${role} TO CURRENT_USER`);
  });
});
