// Brings a file into a bucket: small ones in one request, large ones in parts, and parts that a run
// before has brought over are not sent again.

import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { throwIfInterrupted } from '../../core/context.ts';
import { Failure } from '../../core/failure.ts';
import { element, elements, type S3Send } from './s3-requests.ts';
import { type Content, fileChanged, isSame, type Transfer } from './store.ts';

/** One upload. */
export interface Upload extends Transfer {
  /** Whole name of the object. */
  readonly key: string;
  readonly path: string;
  readonly partBytes: number;
}

const smallestPart = 16 * 1024 ** 2;
// The service takes 10,000 parts at the most.
const mostParts = 9_000;
// Each part on its way is in memory.
const partsAtOnce = 4;

/** Bytes of a part for a file of that size. */
export function partBytesFor(sizeBytes: number): number {
  return Math.max(smallestPart, Math.ceil(sizeBytes / mostParts));
}

/**
 * Uploads a file. What is interrupted stays invisible, and is continued by the next upload of the
 * same name.
 *
 * @throws `store/file-changed`, `store/refused`, `store/unreachable`
 */
export async function upload(send: S3Send, options: Upload): Promise<void> {
  if (options.content.sizeBytes <= options.partBytes) return await uploadAtOnce(send, options);
  const { id, parts } = (await unfinished(send, options.key)) ?? (await begin(send, options.key));
  const sent = await sendParts(send, { ...options, id, before: parts });
  if (!isSame(sent.found, options.content)) {
    await abandon(send, options.key, id);
    throw fileChanged(options.path, sent.found, options.content);
  }
  await complete(send, { key: options.key, id, tags: sent.tags });
}

/** Gives up the uploads that began before that time, and says how many there were. */
export async function abandonUploads(
  send: S3Send,
  { prefix, before }: { prefix: string; before: Date },
): Promise<number> {
  // A thousand at a time: the next sweep finds the next ones.
  const old = (await listUploads(send, prefix)).filter(({ begun }) => begun < before);
  for (const { key, id } of old) await abandon(send, key, id);
  return old.length;
}

async function uploadAtOnce(send: S3Send, { key, path, ...options }: Upload): Promise<void> {
  await using file = await open(path);
  const body = Uint8Array.from(await file.readFile());
  const found = contentOf(createHash('sha256').update(body).digest('hex'), body.length);
  if (!isSame(found, options.content)) throw fileChanged(path, found, options.content);
  await send({ method: 'PUT', key, body, signal: options.signal });
  options.onBytes?.(body.length);
}

interface PartUpload extends Upload {
  readonly id: string;
  /** Parts that are there already, by number: their tags. */
  readonly before: ReadonlyMap<number, string>;
}

// Read one after the other, because the hash of the whole needs their order; sent side by side.
async function sendParts(
  send: S3Send,
  options: PartUpload,
): Promise<{ tags: string[]; found: Content }> {
  const { key, id, before, partBytes, signal, onBytes } = options;
  const hash = createHash('sha256');
  const tags: string[] = [];
  const underway = new Set<Promise<void>>();
  // Kept until somebody looks: a part may fail while the next one is being read.
  const failures: unknown[] = [];
  let read = 0;
  let arrived = 0;
  await using file = await open(options.path);
  try {
    for (let number = 1; ; number += 1) {
      throwIfInterrupted(signal);
      if (failures.length > 0) break;
      const body = await readPart(file, partBytes);
      if (body.length === 0) break;
      hash.update(body);
      read += body.length;
      const transfer = (async () => {
        tags[number - 1] = await sendPart(send, { key, id, number, body, before, signal });
        arrived += body.length;
        onBytes?.(arrived);
      })()
        .catch((failure: unknown) => void failures.push(failure))
        .finally(() => underway.delete(transfer));
      underway.add(transfer);
      if (underway.size >= partsAtOnce) await Promise.race(underway);
    }
    await Promise.all(underway);
    throwIfInterrupted(signal);
    if (failures.length > 0) throw failures[0];
  } finally {
    await Promise.allSettled(underway);
  }
  return { tags, found: contentOf(hash.digest('hex'), read) };
}

interface Part {
  readonly key: string;
  readonly id: string;
  readonly number: number;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly before: ReadonlyMap<number, string>;
  readonly signal: AbortSignal;
}

// The tag of a part is its MD5, except where the service encrypts with keys of its own: there no
// part is recognised, and all are sent again.
async function sendPart(
  send: S3Send,
  { key, id, number, body, ...options }: Part,
): Promise<string> {
  const there = options.before.get(number);
  if (there === `"${createHash('md5').update(body).digest('hex')}"`) return there;
  const query = { partNumber: String(number), uploadId: id };
  const response = await send({ method: 'PUT', key, query, body, signal: options.signal });
  await response.body?.cancel();
  return response.headers.get('etag') ?? '';
}

async function readPart(
  file: Awaited<ReturnType<typeof open>>,
  bytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const part = new Uint8Array(bytes);
  let length = 0;
  while (length < bytes) {
    const { bytesRead } = await file.read(part, length, bytes - length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return part.subarray(0, length);
}

interface Begun {
  readonly id: string;
  readonly parts: ReadonlyMap<number, string>;
}

async function begin(send: S3Send, key: string): Promise<Begun> {
  const xml = await (await send({ method: 'POST', key, query: { uploads: '' } })).text();
  return { id: element(xml, 'UploadId') ?? '', parts: new Map() };
}

async function unfinished(send: S3Send, key: string): Promise<Begun | undefined> {
  const uploads = await listUploads(send, key);
  const newest = uploads.filter((each) => each.key === key).at(-1);
  return newest && { id: newest.id, parts: await listParts(send, key, newest.id) };
}

async function listUploads(
  send: S3Send,
  prefix: string,
): Promise<{ key: string; id: string; begun: Date }[]> {
  const query = { uploads: '', prefix };
  // Services without this list have nothing to continue: they are asked and say so.
  const response = await send({ method: 'GET', query, accept: [405, 501] });
  const xml = await response.text();
  return elements(xml, 'Upload').map((each) => ({
    key: element(each, 'Key') ?? '',
    id: element(each, 'UploadId') ?? '',
    begun: new Date(element(each, 'Initiated') ?? 0),
  }));
}

async function listParts(send: S3Send, key: string, id: string): Promise<Map<number, string>> {
  const parts = new Map<number, string>();
  for (let marker: string | undefined = '0'; marker !== undefined; ) {
    const query: Record<string, string> = { uploadId: id, 'part-number-marker': marker };
    const xml: string = await (await send({ method: 'GET', key, query })).text();
    for (const each of elements(xml, 'Part')) {
      parts.set(Number(element(each, 'PartNumber')), element(each, 'ETag') ?? '');
    }
    marker =
      element(xml, 'IsTruncated') === 'true' ? element(xml, 'NextPartNumberMarker') : undefined;
  }
  return parts;
}

// The answer begins before the work is done, so it may be a 200 with an error in it (API reference,
// CompleteMultipartUpload).
async function complete(
  send: S3Send,
  { key, id, tags }: { key: string; id: string; tags: readonly string[] },
): Promise<void> {
  const parts = tags.map(
    (tag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${tag}</ETag></Part>`,
  );
  const body = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`;
  const xml = await (await send({ method: 'POST', key, query: { uploadId: id }, body })).text();
  const code = /<Error>/.test(xml) ? element(xml, 'Code') : undefined;
  if (code === undefined) return;
  throw new Failure({
    code: 'store/refused',
    message: `the service could not put ${key} together: ${code}`,
    hint: 'Type the same command again: parts that are there are not sent again.',
  });
}

async function abandon(send: S3Send, key: string, id: string): Promise<void> {
  await send({ method: 'DELETE', key, query: { uploadId: id }, accept: [404, 405, 501] });
}

function contentOf(digest: string, sizeBytes: number): Content {
  return { sizeBytes, sha256: digest };
}
