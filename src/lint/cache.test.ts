import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { cachedCheck } from './cache.ts';
import type { Sources } from './sources.ts';

const sources = (sql: string): Sources => ({
  files: [{ path: '1.sql', sql }],
  earlier: [],
  isWholeHistory: false,
});
const options = { runner: 'drydock', snapshot: undefined, useCache: true } as const;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drydock-cache-'));
  vi.stubEnv('XDG_CACHE_HOME', folder);
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
});

function entries(): string[] {
  return readdirSync(join(folder, 'drydock/check'));
}

it('an unchanged file is answered from the cache with the same report', async () => {
  const first = await cachedCheck(sources('DROP TABLE a;'), options);
  expect(await cachedCheck(sources('DROP TABLE a;'), options)).toEqual(first);
  expect(entries()).toHaveLength(1);
});

it('another text, path, history or runner is another entry', async () => {
  const one = sources('DROP TABLE a;');
  await cachedCheck(one, options);
  await cachedCheck(sources('DROP TABLE b;'), options);
  await cachedCheck({ ...one, files: [{ path: '2.sql', sql: 'DROP TABLE a;' }] }, options);
  await cachedCheck({ ...one, earlier: one.files }, options);
  await cachedCheck(one, { ...options, runner: 'other' });
  expect(entries()).toHaveLength(5);
});

it('a half-written entry, or none at all, changes nothing', async () => {
  const first = await cachedCheck(sources('DROP TABLE a;'), options);
  for (const name of entries()) writeFileSync(join(folder, 'drydock/check', name), '{"findi');
  expect(await cachedCheck(sources('DROP TABLE a;'), options)).toEqual(first);
  rmSync(folder, { recursive: true });
  expect(await cachedCheck(sources('DROP TABLE a;'), options)).toEqual(first);
});
