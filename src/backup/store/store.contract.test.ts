// What every store promises (store.ts), run over each of them.

import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type S3Server, startS3 } from '../../../test/s3-server.ts';
import { parseStoreAddress, type S3Address } from '../../config/store-address.ts';
import { sha256 } from '../../core/digest.ts';
import { localStore } from './local.ts';
import { s3Store } from './s3.ts';
import type { Content, Store, Transfer } from './store.ts';

const mebibyte = 1024 ** 2;
let folder: string;
let server: S3Server;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stores-'));
  await mkdir(join(folder, 'bucket'));
  server = await startS3(join(folder, 'bucket'));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

interface Kind {
  readonly name: string;
  readonly open: (root: string) => Promise<Store>;
  /** The file behind a key, to spoil it. */
  readonly file: (root: string, key: string) => string;
}

function addressOf(root: string): S3Address {
  const text = `s3://${server.bucket}/${root}?endpoint=${encodeURIComponent(server.endpoint)}`;
  return parseStoreAddress(text, '/') as S3Address;
}

// Parts as small as real services allow: a file of eleven mebibytes has three.
const partBytes = 5 * mebibyte;

const kinds: readonly Kind[] = [
  {
    name: 'a folder',
    open: async (root) => localStore(join(folder, root)),
    file: (root, key) => join(folder, root, key),
  },
  {
    name: 'a bucket',
    open: (root) => s3Store(addressOf(root), { variables: server.variables, partBytes }),
    file: (root, key) => server.objectFile(`${root}/${key}`),
  },
];

let made = 0;

async function fileOf(bytes: Uint8Array): Promise<{ path: string; content: Content }> {
  made += 1;
  const path = join(folder, `made-${made}`);
  await writeFile(path, bytes);
  return { path, content: { sizeBytes: bytes.length, sha256: sha256(bytes) } };
}

function transfer(content: Content, signal = new AbortController().signal): Transfer {
  return { content, signal };
}

function back(): string {
  made += 1;
  return join(folder, `back-${made}`);
}

function listed(key: string, sizeBytes: number): object {
  return { key, sizeBytes, storedAt: expect.any(Date) };
}

const large = randomBytes(11 * mebibyte);

describe.each(kinds)('$name', ({ open, file }) => {
  it.each([
    ['an empty file', new Uint8Array()],
    ['a short file', randomBytes(1_000)],
    ['a file of several parts', large],
    ['a file of exactly two parts', large.subarray(0, 2 * partBytes)],
  ])('brings %s back as it was', async (_name, bytes) => {
    const store = await open('round');
    const { path, content } = await fileOf(bytes);
    const told: number[] = [];
    await store.put('production/a.dump', path, {
      ...transfer(content),
      onBytes: (done) => told.push(done),
    });
    expect(told.at(-1) ?? 0).toBe(bytes.length);
    const to = back();
    await store.get('production/a.dump', to, transfer(content));
    expect(sha256(await readFile(to))).toBe(content.sha256);
    expect((await stat(to)).mode & 0o777).toBe(0o600);
  });

  it('lists whole files by the beginning of their names, with their sizes', async () => {
    const store = await open('listing');
    const { path, content } = await fileOf(randomBytes(10));
    for (const key of ['b/2.dump', 'b/1.dump', 'b/odd name & <more>.dump', 'c/1.dump']) {
      await store.put(key, path, transfer(content));
    }
    expect(await store.list('b/')).toEqual([
      listed('b/1.dump', 10),
      listed('b/2.dump', 10),
      listed('b/odd name & <more>.dump', 10),
    ]);
    expect(await store.list('d/')).toEqual([]);
  });

  it('keeps a text, replaces it, and tells that there is none', async () => {
    const store = await open('texts');
    expect(await store.read('a.json')).toBeUndefined();
    await store.write('a.json', '{"a":"ä"}');
    await store.write('a.json', '{"a":"ö"}');
    expect(await store.read('a.json')).toBe('{"a":"ö"}');
  });

  it('removes a file, and does not mind when there is none', async () => {
    const store = await open('removing');
    await store.write('a', 'a');
    await store.remove('a');
    await store.remove('a');
    expect(await store.list('')).toEqual([]);
  });

  it('refuses a file that is not what it was, and shows nothing', async () => {
    const store = await open('changed');
    for (const bytes of [randomBytes(1_000), large]) {
      const { path, content } = await fileOf(bytes);
      const other = { ...content, sha256: sha256('another') };
      await expect(store.put('a', path, transfer(other))).rejects.toMatchObject({
        code: 'store/file-changed',
      });
    }
    expect(await store.list('')).toEqual([]);
    expect(await store.sweep(new Date(Date.now() + 60_000))).toBe(0);
  });

  it.each([
    ['a flipped byte', (bytes: Buffer) => bytes.fill((bytes[77] ?? 0) ^ 1, 77, 78)],
    ['a truncated file', (bytes: Buffer) => bytes.subarray(0, -1)],
    [
      'a missing part',
      (bytes: Buffer) =>
        Buffer.concat([bytes.subarray(0, 5 * mebibyte), bytes.subarray(10 * mebibyte)]),
    ],
    ['a longer file', (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('x')])],
  ])('notices %s on the way back, and leaves nothing here', async (name, spoil) => {
    const store = await open('spoiled');
    const key = name.replaceAll(' ', '-');
    const { path, content } = await fileOf(large);
    await store.put(key, path, transfer(content));
    const stored = file('spoiled', key);
    await writeFile(stored, spoil(await readFile(stored)));
    const to = back();
    await expect(store.get(key, to, transfer(content))).rejects.toMatchObject({
      code: 'store/file-changed',
    });
    await expect(stat(to)).rejects.toThrow();
  });

  it('tells that a file is not there', async () => {
    const store = await open('missing');
    const { content } = await fileOf(large);
    await expect(store.get('none', back(), transfer(content))).rejects.toMatchObject({
      code: 'store/file-missing',
    });
  });

  it('shows nothing of a put that was stopped, and has it whole after the next', async () => {
    const store = await open('stopped');
    const { path, content } = await fileOf(large);
    const stop = new AbortController();
    const put = store.put('a', path, {
      ...transfer(content, stop.signal),
      onBytes: () => stop.abort(),
    });
    await expect(put).rejects.toThrow();
    expect(await store.list('')).toEqual([]);
    await store.put('a', path, transfer(content));
    expect(await store.list('')).toEqual([listed('a', large.length)]);
    expect(await store.sweep(new Date(Date.now() + 60_000))).toBe(0);
  });
});

describe('a bucket', () => {
  const open = (root: string, variables: NodeJS.ProcessEnv = server.variables): Promise<Store> =>
    s3Store(addressOf(root), { variables, partBytes });

  it('does not send parts again that a run before has brought over', async () => {
    const store = await open('resumed');
    const { path, content } = await fileOf(large);
    const isThird = (url: URL): boolean => url.searchParams.get('partNumber') === '3';
    server.fault = ({ url }) => (isThird(url) ? { kind: 'status', status: 403 } : undefined);
    const first = store.put('a', path, transfer(content));
    await expect(first).rejects.toMatchObject({ code: 'store/refused' });
    expect(await store.list('')).toEqual([]);
    server.fault = () => undefined;
    server.requests.length = 0;
    await store.put('a', path, transfer(content));
    const sent = server.requests.filter((each) => each.includes('partNumber='));
    expect(sent.map((each) => /partNumber=(\d)/.exec(each)?.[1])).toEqual(['3']);
    const to = back();
    await store.get('a', to, transfer(content));
  });

  it('gives up old unfinished uploads when it is swept, and leaves young ones', async () => {
    const store = await open('swept');
    const { path, content } = await fileOf(large);
    server.fault = ({ url }) =>
      url.searchParams.get('partNumber') === '2' ? { kind: 'status', status: 403 } : undefined;
    await expect(store.put('a', path, transfer(content))).rejects.toThrow();
    server.fault = () => undefined;
    expect(await store.sweep(new Date(Date.now() - 60_000))).toBe(0);
    expect(await store.sweep(new Date(Date.now() + 60_000))).toBe(1);
    expect(await store.sweep(new Date(Date.now() + 60_000))).toBe(0);
  });

  it('goes on with a download where the connection broke', async () => {
    const store = await open('cut');
    const { path, content } = await fileOf(large);
    await store.put('a', path, transfer(content));
    let cuts = 0;
    server.requests.length = 0;
    server.fault = ({ method }) => {
      cuts += 1;
      return method === 'GET' && cuts <= 2 ? { kind: 'cut', afterBytes: 3 * mebibyte } : undefined;
    };
    const to = back();
    await store.get('a', to, transfer(content));
    server.fault = () => undefined;
    expect(server.requests.length).toBe(3);
    expect(sha256(await readFile(to))).toBe(content.sha256);
  });

  it('asks again when the service is busy', async () => {
    const store = await open('busy');
    let asked = 0;
    server.fault = () => {
      asked += 1;
      return asked <= 2 ? { kind: 'status', status: 503 } : undefined;
    };
    await store.write('a', 'text');
    server.fault = () => undefined;
    expect(await store.read('a')).toBe('text');
  });

  it.each([1, 2, 3])('fails when part %s is refused, and shows nothing', async (part) => {
    const store = await open('refused');
    const { path, content } = await fileOf(large);
    server.fault = ({ method, url }) =>
      method === 'PUT' && url.searchParams.get('partNumber') === String(part)
        ? { kind: 'status', status: 400 }
        : undefined;
    await expect(store.put('large', path, transfer(content))).rejects.toMatchObject({
      code: 'store/refused',
    });
    server.fault = () => undefined;
    expect(await store.list('')).toEqual([]);
    await store.put('large', path, transfer(content));
    const to = back();
    await store.get('large', to, transfer(content));
    expect(sha256(await readFile(to))).toBe(content.sha256);
    await store.remove('large');
  });

  it('fails when a body arrives changed, and shows nothing', async () => {
    const store = await open('flipped');
    const { path, content } = await fileOf(randomBytes(1_000));
    server.fault = ({ method }) => (method === 'PUT' ? { kind: 'flip' } : undefined);
    const put = store.put('a', path, transfer(content));
    await expect(put).rejects.toMatchObject({ code: 'store/refused' });
    server.fault = () => undefined;
    expect(await store.list('')).toEqual([]);
  });

  it('names the variables when there are no keys, and never the keys when they are wrong', async () => {
    await expect(open('keys', {})).rejects.toMatchObject({
      code: 'store/no-credentials',
      hint: expect.stringContaining('AWS_SECRET_ACCESS_KEY'),
    });
    const wrong = await open('keys', {
      AWS_ACCESS_KEY_ID: 'S3RVER',
      AWS_SECRET_ACCESS_KEY: 's3cret-key',
      AWS_SESSION_TOKEN: 's3cret-token',
    });
    const failure: unknown = await wrong.write('a', 'text').catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'store/refused', details: { status: 403 } });
    expect(JSON.stringify([failure, String(failure), (failure as Error).stack])).not.toContain(
      's3cret',
    );
  });

  it('signs the token of a role', async () => {
    const store = await open('role', {
      ...server.variables,
      AWS_SESSION_TOKEN: 'token/of+a role==',
    });
    await store.write('odd name (1)+ä&.json', 'text');
    expect(await store.read('odd name (1)+ä&.json')).toBe('text');
  });

  it('says that a service cannot be reached', async () => {
    const gone = await startS3(join(folder, 'gone'));
    await gone[Symbol.asyncDispose]();
    const address = { ...addressOf('nowhere'), endpoint: gone.endpoint };
    const store = await s3Store(address, { variables: server.variables });
    await expect(store.read('a')).rejects.toMatchObject({
      code: 'store/unreachable',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });
});
