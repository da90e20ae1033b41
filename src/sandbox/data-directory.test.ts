import { existsSync } from 'node:fs';
import { copyFile, readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Installation } from '../postgres/programs.ts';
import { serverAccount } from './account.ts';
import { type DataDirectoryOptions, makeDataDirectory } from './data-directory.ts';
import { makeFolder, removeFolder } from './folder.ts';
import { serverFor } from './server-programs.ts';

const account = serverAccount();
let installation: Installation;
let firstCache: string;
let first: string;
let cache: string;
let folders: string[];

beforeAll(async () => {
  folders = [];
  installation = await serverFor();
  firstCache = await freshFolder();
  first = await make({ cache: firstCache });
});

beforeEach(async () => {
  cache = await freshFolder();
});

afterAll(async () => {
  for (const folder of folders) await removeFolder(folder, account);
});

async function freshFolder(): Promise<string> {
  const { path } = await makeFolder(account, 0);
  folders.push(path);
  return path;
}

async function make(change: Partial<DataDirectoryOptions> = {}): Promise<string> {
  const folder = await freshFolder();
  const { signal } = new AbortController();
  const options = { installation, account, cache, env: process.env, signal };
  await makeDataDirectory(folder, { ...options, ...change });
  return join(folder, 'data');
}

it('a data directory from the cache holds the same files as the first one', async () => {
  const later = await make({ cache: firstCache });
  expect((await readdir(firstCache)).length).toBe(1);
  expect((await readdir(later, { recursive: true })).sort()).toEqual(
    (await readdir(first, { recursive: true })).sort(),
  );
});

it.each([0, 20 * 1024 * 1024])(
  'an archive cut off after %i bytes is noticed and made again',
  async (bytes) => {
    const [name = ''] = await readdir(firstCache);
    const whole = (await stat(join(firstCache, name))).size;
    await copyFile(join(firstCache, name), join(cache, name));
    await truncate(join(cache, name), bytes);
    expect(existsSync(join(await make(), 'global', 'pg_control'))).toBe(true);
    expect(await readdir(cache)).toEqual([name]);
    expect((await stat(join(cache, name))).size).toBe(whole);
  },
);

it('several processes may fill the cache at once', async () => {
  const made = await Promise.all([make(), make(), make()]);
  expect(made.every((data) => existsSync(join(data, 'PG_VERSION')))).toBe(true);
  expect((await readdir(cache)).length).toBe(1);
});

it('a data directory is made without a cache, and without tar', async () => {
  expect(existsSync(join(await make({ cache: undefined }), 'PG_VERSION'))).toBe(true);
  expect(existsSync(join(await make({ env: { PATH: '' } }), 'PG_VERSION'))).toBe(true);
  expect(await readdir(cache)).toEqual([]);
});
