// kill -9 at any moment of a backup, of keeping it, of a restore and of pruning. The moments are spread over the time that the
// work takes when nobody disturbs it.

import { mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listBackups } from '../src/backup/backups.ts';
import { listKept } from '../src/backup/store/kept.ts';
import { localStore } from '../src/backup/store/local.ts';
import { startBackground } from '../src/core/process.ts';
import { verifyArchive } from '../src/postgres/archive.ts';
import { connect } from '../src/postgres/connect.ts';
import { readContents } from '../src/postgres/contents.ts';
import { onServer, type TestDatabase, testDatabase } from './database.ts';
import richDatabase from './rich-database.sql';

let folder: string;
let script: string;
let backups: string;
let live: TestDatabase;

beforeAll(async () => {
  // Inside the project, so that its packages are found.
  folder = await mkdtemp(join(import.meta.dirname, '..', 'node_modules', '.killed-'));
  script = join(folder, 'way-back.mjs');
  await build({
    entryPoints: [join(import.meta.dirname, 'fixtures', 'way-back.ts')],
    outfile: script,
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    loader: { '.sql': 'text', '.sh': 'text' },
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(async () => {
  backups = await mkdtemp(join(tmpdir(), 'killed-'));
  live = await testDatabase({ sql: richDatabase });
});
afterEach(async () => {
  for (const name of await besides()) await onServer(`DROP DATABASE "${name}" WITH (FORCE)`);
  await live.drop();
  await rm(backups, { recursive: true, force: true, maxRetries: 10 });
});

async function besides(): Promise<string[]> {
  const rows = await onServer<{ name: string }>(
    `SELECT datname AS name FROM pg_database WHERE starts_with(datname, '${live.address.database}_')`,
  );
  return rows.map(({ name }) => name);
}

/** Runs it for so long, kills it when it still runs then, and tells how long it ran. */
async function runFor(what: 'backup' | 'keep' | 'restore' | 'prune', ms = 60_000): Promise<number> {
  const output = join(folder, 'output');
  await using file = await open(output, 'w');
  const args = [script, what, live.address.connectionString(), backups];
  const child = await startBackground(process.execPath, args, {
    stdio: ['ignore', file.fd, file.fd],
  });
  let hasEnded = false;
  void child.ended.then(() => {
    hasEnded = true;
  });
  while (!hasEnded && !(await readFile(output, 'utf8')).includes('begun')) await setTimeout(2);
  const startedAt = performance.now();
  while (!hasEnded && performance.now() - startedAt < ms) await setTimeout(2);
  await child.stop(0);
  return performance.now() - startedAt;
}

const moments = [0.05, 0.15, 0.3, 0.45, 0.6, 0.7, 0.8, 0.88, 0.94, 1];

describe('kill -9', () => {
  it('at any moment of a backup leaves only backups that are whole', async () => {
    const wholeMs = await runFor('backup');
    for (const moment of moments) {
      await runFor('backup', wholeMs * moment);
      const list = await listBackups(backups, 'production');
      for (const { file, manifest } of list.backups)
        await verifyArchive({ path: file, ...manifest.dump });
      for (const { reason } of list.incomplete) expect(reason).toContain('there is no dump beside');
    }
    const before = (await listBackups(backups, 'production')).backups.length;
    await runFor('backup');
    expect((await listBackups(backups, 'production')).backups).toHaveLength(before + 1);
    const left = await readdir(join(backups, 'production'));
    expect(left.filter((name) => name.endsWith('.partial'))).toEqual([]);
  });

  it('at any moment of keeping a backup in a store shows whole ones alone there', async () => {
    await runFor('backup');
    const where = { store: localStore(join(backups, 'store')), environment: 'production' };
    const whole = async (): Promise<number> => {
      const list = await listKept(where);
      expect(list.incomplete).toEqual([]);
      for (const [index, file] of (list.kept[0]?.files ?? []).entries()) {
        const path = join(backups, `${Math.random()}-${index}`);
        const { signal } = new AbortController();
        await where.store.get(`production/${file.name}`, path, { content: file, signal });
      }
      return list.kept.length;
    };
    const wholeMs = await runFor('keep');
    for (const moment of [0.2, 0.4, 0.6, 0.8, 0.95]) {
      await rm(join(backups, 'store'), { recursive: true, force: true });
      await runFor('keep', wholeMs * moment);
      await whole();
    }
    await runFor('keep');
    expect(await whole()).toBe(1);
    expect((await listKept(where)).loose).toEqual([]);
  });

  it('at any moment of pruning leaves each backup whole in its place or in the trash', async () => {
    for (const moment of [0.5, 0.75, 0.95]) {
      await runFor('backup');
      await runFor('backup');
      await runFor('prune', 150 * moment);
      const list = await listBackups(backups, 'production');
      for (const { file, manifest } of list.backups)
        await verifyArchive({ path: file, ...manifest.dump });
      for (const { reason } of list.incomplete) expect(reason).toContain('there is no dump beside');
      await runFor('prune');
      expect(
        (await readdir(join(backups, 'production'))).filter((name) => name !== '.trash'),
      ).toEqual([]);
    }
    const trash = join(backups, 'production', '.trash');
    const there = (
      await Promise.all((await readdir(trash)).map((time) => readdir(join(trash, time))))
    ).flat();
    expect(there.filter((name) => name.endsWith('.dump'))).toHaveLength(6);
    expect(there.filter((name) => name.endsWith('.manifest.json'))).toHaveLength(6);
  });

  it('at any moment of a restore leaves the old or the restored database, whole and open', async () => {
    await runFor('backup');
    const { backups: made } = await listBackups(backups, 'production');
    const { contents } = made[0]?.manifest ?? {};
    const state = async (): Promise<'broken' | 'restored'> => {
      await using database = await connect(live.address, { purpose: 'test' });
      const found = await readContents(database, { upToBytes: Infinity });
      const { fingerprint } = found.schema;
      if (fingerprint === contents?.schema.fingerprint) {
        expect({ ...found, sequences: {} }).toEqual({ ...contents, sequences: {} });
        return 'restored';
      }
      expect(await database.one('SELECT count(*)::int AS n FROM public.spoiled')).toEqual({ n: 1 });
      return 'broken';
    };
    const spoil = async (): Promise<void> => {
      await using database = await connect(live.address, { purpose: 'test' });
      await database.execute('CREATE TABLE spoiled AS SELECT 1 AS n; TRUNCATE events CASCADE');
    };
    await spoil();
    const wholeMs = await runFor('restore');
    expect(await state()).toBe('restored');
    await spoil();
    for (const moment of moments) {
      await runFor('restore', wholeMs * moment);
      if ((await state()) === 'restored') await spoil();
    }
    await runFor('restore');
    expect(await state()).toBe('restored');
  });
});
