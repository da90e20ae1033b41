// A store in a bucket of any S3-compatible service. An object has its name when it is whole: the
// service shows neither a PUT that broke nor a multipart upload that was not completed.

import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import type { S3Address } from '../../config/store-address.ts';
import { throwIfInterrupted } from '../../core/context.ts';
import { element, elements, type S3Options, type S3Send, s3Bucket } from './s3-requests.ts';
import { abandonUploads, partBytesFor, upload } from './s3-upload.ts';
import {
  fileChanged,
  fileMissing,
  isSame,
  type Store,
  type StoredFile,
  type Transfer,
  unreachable,
} from './store.ts';

// As many times a broken download is taken up where it broke.
const resumes = 5;

/**
 * A store in a bucket.
 *
 * @throws `store/no-credentials`; its methods `store/refused` and `store/unreachable`
 */
export async function s3Store(address: S3Address, options: S3Options): Promise<Store> {
  const send = await s3Bucket(address, options);
  const { prefix, label } = address;
  return {
    label,
    put: async (key, path, transfer) => {
      const partBytes = options.partBytes ?? partBytesFor(transfer.content.sizeBytes);
      await upload(send, { key: prefix + key, path, partBytes, ...transfer });
    },
    get: (key, path, transfer) => download({ send, address, key, path, ...transfer }),
    write: async (key, text) => {
      await send({ method: 'PUT', key: prefix + key, body: text });
    },
    read: async (key) => {
      const response = await send({ method: 'GET', key: prefix + key, accept: [404] });
      if (response.status !== 404) return await response.text();
      await response.body?.cancel();
      return undefined;
    },
    list: async (start) => {
      const found = await listObjects(send, prefix + start);
      return found.map((file) => ({ ...file, key: file.key.slice(prefix.length) }));
    },
    remove: async (key) => {
      await send({ method: 'DELETE', key: prefix + key, accept: [404] });
    },
    sweep: (before) => abandonUploads(send, { prefix, before }),
  };
}

async function listObjects(send: S3Send, prefix: string): Promise<StoredFile[]> {
  const files: StoredFile[] = [];
  for (let token: string | undefined = ''; token !== undefined; ) {
    const query: Record<string, string> = {
      'list-type': '2',
      prefix,
      ...(token === '' ? {} : { 'continuation-token': token }),
    };
    const xml: string = await (await send({ method: 'GET', query })).text();
    for (const each of elements(xml, 'Contents')) {
      files.push({
        key: element(each, 'Key') ?? '',
        sizeBytes: Number(element(each, 'Size')),
        storedAt: new Date(element(each, 'LastModified') ?? Number.NaN),
      });
    }
    token =
      element(xml, 'IsTruncated') === 'true' ? element(xml, 'NextContinuationToken') : undefined;
  }
  return files.sort((a, b) => (a.key < b.key ? -1 : 1));
}

interface Download extends Transfer {
  readonly send: S3Send;
  readonly address: S3Address;
  readonly key: string;
  readonly path: string;
}

async function download({ send, address, key, path, ...transfer }: Download): Promise<void> {
  const { content, signal, onBytes } = transfer;
  const hash = createHash('sha256');
  let sizeBytes = 0;
  await using file = await open(path, 'wx', 0o600);
  try {
    for (let attempt = 0; ; attempt += 1) {
      // A 416 is a file that ends before what is still wanted: shorter than it was.
      const response = await send({
        method: 'GET',
        key: address.prefix + key,
        signal,
        accept: [404, 416],
        ...(sizeBytes === 0 ? {} : { headers: { range: `bytes=${sizeBytes}-` } }),
      });
      if (response.status === 404) throw fileMissing(address.label, key);
      if (response.status === 416 || response.body === null) break;
      // Whoever ignores the range sends everything again.
      let skip = response.status === 206 ? 0 : sizeBytes;
      try {
        for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
          throwIfInterrupted(signal);
          const bytes = chunk.subarray(Math.min(skip, chunk.length));
          skip -= chunk.length - bytes.length;
          hash.update(bytes);
          await file.writeFile(bytes);
          sizeBytes += bytes.length;
          onBytes?.(sizeBytes);
        }
        break;
      } catch (error) {
        throwIfInterrupted(signal);
        if (!isBroken(error)) throw error;
        if (attempt === resumes) throw unreachable(address.label, 'the connection breaks', error);
      }
    }
    await file.sync();
    const found = { sizeBytes, sha256: hash.digest('hex') };
    if (!isSame(found, content)) throw fileChanged(`${key} in ${address.label}`, found, content);
  } catch (failure) {
    await rm(path, { force: true });
    throw failure;
  }
}

// undici tells a body that ends early as a TypeError `terminated`; anything of ours is told otherwise.
function isBroken(error: unknown): boolean {
  return error instanceof TypeError && error.message === 'terminated';
}
