// Backups that are kept in a bucket: from the backup to the restore, by the commands' own functions.

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type TestContext,
  type TestDatabase,
  testContext,
  testDatabase,
} from '../../test/database.ts';
import { type S3Server, startS3 } from '../../test/s3-server.ts';
import { validProof } from '../backup/manifest.ts';
import { parseConfig } from '../config/schema.ts';
import { connect } from '../postgres/connect.ts';
import { dropDatabase } from '../sandbox/copy.ts';
import { backUpEnvironment, backupsOf, proveBackup } from './backing-up.ts';
import { pruneBackups } from './clearing-up.ts';
import type { Project } from './project.ts';
import { restoreEnvironment, restoreSomeTables, restoreUnderName } from './restoring.ts';

let folder: string;
let server: S3Server;
let database: TestDatabase;
let recipient: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keeping-'));
  server = await startS3(join(folder, 'service'));
  const identity = await generateX25519Identity();
  recipient = await identityToRecipient(identity);
  await writeFile(join(folder, 'key.txt'), identity);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});
beforeEach(async () => {
  database = await testDatabase({
    sql: 'CREATE TABLE pupils AS SELECT n AS id FROM generate_series(1, 500) n',
  });
  return () => database.drop();
});

interface TestProject extends Project {
  readonly context: TestContext;
  readonly folder: string;
}

/** A project on its own machine; those with the same prefix share a place in the bucket. */
function project(
  prefix: string,
  options: { machine?: string; encrypted?: boolean } = {},
): TestProject {
  const { machine = 'one', encrypted = false } = options;
  const root = join(folder, `${prefix}-${machine}`);
  const store = `s3://${server.bucket}/${prefix}?endpoint=${encodeURIComponent(server.endpoint)}`;
  const key = join(folder, 'key.txt');
  const config = parseConfig(
    {
      backups: encrypted ? { store, encryptTo: [recipient], identity: key } : store,
      environments: { dev: { url: database.address.connectionString() } },
    },
    { root, file: undefined, variables: server.variables },
  );
  const actor = { who: 'ada', host: 'desk' };
  return { config, context: testContext(), actor, folder: join(root, 'backups', 'dev') };
}

const reason = 'test';

async function filesIn(path: string): Promise<string[]> {
  return await readdir(path).catch(() => []);
}

describe('a backup with a store', () => {
  it('is in both places, and what is proven here is known there', async () => {
    const here = project('both');
    const backup = await backUpEnvironment(here, { environment: 'dev', reason });
    expect([backup.places, backup.store]).toEqual([
      ['here', 'store'],
      `s3://${server.bucket}/both`,
    ]);
    await proveBackup(here, { environment: 'dev' });
    const elsewhere = await backupsOf(project('both', { machine: 'two' }), 'dev');
    expect(elsewhere.backups.map(({ name, places }) => [name, places])).toEqual([
      [backup.name, ['store']],
    ]);
    expect(elsewhere.backups.map(validProof)).toEqual([
      expect.objectContaining({ outcome: 'done' }),
    ]);
    const { backups, store } = await backupsOf(here, 'dev');
    expect([backups[0]?.places, store]).toEqual([['here', 'store'], backup.store]);
  });

  it('is proven and restored on a machine that has never seen it, and leaves nothing there', async () => {
    await backUpEnvironment(project('fetched'), { environment: 'dev', reason });
    const other = project('fetched', { machine: 'two' });
    const { proof } = await proveBackup(other, { environment: 'dev' });
    expect(proof).toMatchObject({ outcome: 'done', compared: { rows: expect.any(Number) } });
    await using session = await connect(database.address, { purpose: 'test' });
    await session.execute('DELETE FROM pupils');
    await session.close();
    await restoreEnvironment(other, { environment: 'dev', confirmSwap: async () => true });
    await using restored = await connect(database.address, { purpose: 'test' });
    const counted = 'SELECT count(*)::int AS count FROM pupils';
    expect(await restored.one(counted)).toEqual({ count: 500 });
    await restored.close();
    const name = `${database.address.database}_beside`;
    await restoreUnderName(other, { environment: 'dev', name });
    await dropDatabase({ address: (to) => database.address.withDatabase(to) }, name);
    await restoreSomeTables(other, { environment: 'dev', tables: ['pupils'] });
    expect(await filesIn(other.folder)).toEqual([]);
  });

  it('lies nowhere in clear text when it is encrypted and opens with the key here', async () => {
    const here = project('sealed', { encrypted: true });
    const backup = await backUpEnvironment(here, { environment: 'dev', reason });
    expect(backup.places).toEqual(['store']);
    expect(await filesIn(here.folder)).toEqual([]);
    const { proof } = await proveBackup(here, { environment: 'dev' });
    expect(proof.outcome).toBe('done');
    expect((await backupsOf(here, 'dev')).backups.map(validProof)).toEqual([proof]);
    expect(await filesIn(here.folder)).toEqual([]);
  });

  it('fails its proof when a byte in the bucket was flipped, before anything is restored', async () => {
    const here = project('flipped', { encrypted: true });
    const { name } = await backUpEnvironment(here, { environment: 'dev', reason });
    const path = server.objectFile(`flipped/dev/${name}.age`);
    const bytes = await readFile(path);
    bytes[900] = (bytes[900] ?? 0) ^ 1;
    await writeFile(path, bytes);
    await expect(proveBackup(here, { environment: 'dev' })).rejects.toMatchObject({
      code: 'store/file-changed',
    });
  });

  it('stays whole here when the bucket refuses it, and is kept with the next one', async () => {
    const here = project('refused');
    server.fault = ({ method, url }) =>
      method === 'PUT' && url.pathname.endsWith('.kept.json')
        ? { kind: 'status', status: 403 }
        : undefined;
    const first = backUpEnvironment(here, { environment: 'dev', reason });
    await expect(first).rejects.toMatchObject({ code: 'store/refused' });
    server.fault = () => undefined;
    const before = await backupsOf(here, 'dev');
    expect(before.backups.map(({ places }) => places)).toEqual([['here']]);
    expect(before.incomplete.map((each) => each.reason)).toContain(
      'it is being kept now, or that was interrupted',
    );
    // Days later, when what was left in the bucket would be swept.
    const context = { ...here.context, clock: { ...here.context.clock } };
    context.clock.now = () => new Date(Date.now() + 3 * 24 * 3_600_000);
    await backUpEnvironment({ ...here, context }, { environment: 'dev', reason });
    const { backups, incomplete } = await backupsOf(here, 'dev');
    expect(backups.map(({ places }) => places)).toEqual([
      ['here', 'store'],
      ['here', 'store'],
    ]);
    expect(incomplete).toEqual([]);
  });

  it('is kept with the next one when the bucket could not be reached', async () => {
    const here = project('late', { encrypted: true });
    await backUpEnvironment(here, { environment: 'dev', reason });
    server.fault = ({ method }) => (method === 'PUT' ? { kind: 'status', status: 403 } : undefined);
    const second = backUpEnvironment(here, { environment: 'dev', reason });
    await expect(second).rejects.toMatchObject({ code: 'store/refused' });
    server.fault = () => undefined;
    await backUpEnvironment(here, { environment: 'dev', reason });
    const { backups } = await backupsOf(here, 'dev');
    expect(backups.map(({ places }) => places)).toEqual([['store'], ['store'], ['store']]);
    expect(await filesIn(here.folder)).toEqual([]);
  });

  it('is not even begun when there are no keys', async () => {
    const here = project('keyless');
    const { store } = here.config;
    if (store === undefined) throw new Error('there is a store');
    const keyless = { ...here, config: { ...here.config, store: { ...store, keys: {} } } };
    const taken = backUpEnvironment(keyless, { environment: 'dev', reason });
    await expect(taken).rejects.toMatchObject({ code: 'store/no-credentials' });
    expect(await filesIn(here.folder)).toEqual([]);
  });

  it('is pruned from both places', async () => {
    const here = project('pruned');
    const context = { ...here.context, clock: { ...here.context.clock } };
    context.clock.now = () => new Date(Date.now() - 40 * 24 * 3_600_000);
    const old = await backUpEnvironment({ ...here, context }, { environment: 'dev', reason });
    const young = await backUpEnvironment(here, { environment: 'dev', reason });
    await proveBackup(here, { environment: 'dev' });
    const pruned = await pruneBackups(here, { environment: 'dev', confirm: async () => true });
    expect(pruned.report?.trashed).toEqual([old.name]);
    const { backups, incomplete } = await backupsOf(here, 'dev');
    expect(backups.map(({ name, places }) => [name, places])).toEqual([
      [young.name, ['here', 'store']],
    ]);
    expect(incomplete).toEqual([]);
  });

  it('is listed from here alone when the bucket cannot be reached, with a note', async () => {
    const here = project('away');
    await backUpEnvironment(here, { environment: 'dev', reason });
    const gone = await startS3(join(folder, 'gone'));
    await gone[Symbol.asyncDispose]();
    const { store } = here.config;
    if (store?.address.kind !== 's3') throw new Error('the store is a bucket');
    const away = {
      ...here,
      config: {
        ...here.config,
        store: { ...store, address: { ...store.address, endpoint: gone.endpoint } },
      },
    };
    const { backups } = await backupsOf(away, 'dev');
    expect(backups.map(({ places }) => places)).toEqual([['here']]);
    expect(here.context.events).toContainEqual({
      kind: 'note',
      text: expect.stringContaining('Only backups on this machine are known'),
    });
  });
});
