import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { type CachedCheckOptions, cachedCheck, type WrittenReport } from './cache.ts';
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

// What is told, whether it was made or read: the parts of a kept report come from each other.
async function told(of: Sources, how: CachedCheckOptions = options): Promise<unknown> {
  const { worst, json, report }: WrittenReport = await cachedCheck(of, how);
  expect(JSON.parse(Buffer.from(json).toString())).toEqual(report);
  return { worst, report };
}

function entries(): string[] {
  return readdirSync(join(folder, 'drydock/check'));
}

it('an unchanged file is answered from the cache with the same report', async () => {
  const first = await told(sources('DROP TABLE a;'));
  expect(await told(sources('DROP TABLE a;'))).toEqual(first);
  expect(first).toMatchObject({ worst: 'error' });
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
  const first = await told(sources('DROP TABLE a;'));
  for (const name of entries()) writeFileSync(join(folder, 'drydock/check', name), '{"findi');
  expect(await told(sources('DROP TABLE a;'))).toEqual(first);
  rmSync(folder, { recursive: true });
  expect(await told(sources('DROP TABLE a;'))).toEqual(first);
});
