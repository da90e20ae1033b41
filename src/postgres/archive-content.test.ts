import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { sha256 } from '../core/digest.ts';
import { type EarlyDigests, readArchive, readEarly } from './archive-content.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'archive-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function write(name: string, text: string, secondsAgo = 60): Promise<void> {
  await writeFile(join(folder, name), text);
  const time = Date.now() / 1_000 - secondsAgo;
  await utimes(join(folder, name), time, time);
}

async function readingUntil(wanted: readonly string[]): Promise<EarlyDigests> {
  for (;;) {
    const reading = readEarly(folder);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const digests = await reading.stop();
    if (wanted.every((name) => digests.has(name))) return digests;
  }
}

it('a file and a folder have digests that sha256sum gives too', async () => {
  await write('a', 'one');
  await write('b', 'two');
  const sums = `${sha256('one')}  a\n${sha256('two')}  b\n`;
  expect(await readArchive(folder)).toEqual({
    format: 'folder',
    sizeBytes: 6,
    sha256: sha256(sums),
    files: [
      { name: 'a', sizeBytes: 3, sha256: sha256('one') },
      { name: 'b', sizeBytes: 3, sha256: sha256('two') },
    ],
  });
  expect(await readArchive(join(folder, 'a'))).toMatchObject({
    format: 'file',
    sha256: sha256('one'),
  });
});

it('what was read early counts only while nobody has written since', async () => {
  await write('settled', 'one');
  await write('changed', 'two');
  await write('fresh', 'three', 0);
  const early = await readingUntil(['settled', 'changed']);
  expect(early.has('fresh')).toBe(false);
  await write('changed', '222', 30);
  const spoiled = new Map([...early].map(([name, each]) => [name, { ...each, sha256: 'early' }]));
  expect((await readArchive(folder, spoiled)).files.map((file) => file.sha256)).toEqual([
    sha256('222'),
    sha256('three'),
    'early',
  ]);
});
