// An S3-compatible service on loopback for tests: s3rver, with the three operations on unfinished
// uploads that it lacks, with signatures and bodies checked, and with faults on demand.

import { createHash, createHmac } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import S3rver from 's3rver';

/** The service, and what went on in it. */
export interface S3Server extends AsyncDisposable {
  readonly endpoint: string;
  readonly bucket: string;
  /** The keys that it knows. */
  readonly variables: NodeJS.ProcessEnv;
  /** Method and path of every request so far. */
  readonly requests: string[];
  /** Asked for every request; what it says happens to that request. */
  fault: (request: { method: string; url: URL }) => Fault | undefined;
  /** Where the bytes of an object are. */
  objectFile(key: string): string;
}

/** What goes wrong with a request. */
export type Fault =
  | { readonly kind: 'status'; readonly status: number }
  /** The connection is lost, when the service has sent so many bytes. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** A byte of the body is another one when it arrives. */
  | { readonly kind: 'flip' };

/** Starts the service with one bucket, its objects in `folder`. */
export async function startS3(folder: string): Promise<S3Server> {
  const bucket = 'backups';
  const service = new S3rver({
    directory: folder,
    silent: true,
    configureBuckets: [{ name: bucket, configs: [] }],
  });
  await service.configureBuckets();
  const answer = service.callback();
  const uploads = join(folder, bucket, '._S3rver_uploads');
  const http = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const method = request.method ?? '';
    server.requests.push(`${method} ${url.pathname}${url.search}`);
    const fault = server.fault({ method, url });
    if (fault?.kind === 'status') {
      response.writeHead(fault.status).end('<Error><Code>Broken</Code></Error>');
      return;
    }
    if (fault?.kind === 'cut') cutAfter(response, fault.afterBytes);
    void (async () => {
      const body = await bodyOf(request);
      if (fault?.kind === 'flip') body[0] = (body[0] ?? 0) ^ 1;
      if (
        createHash('sha256').update(body).digest('hex') !== request.headers['x-amz-content-sha256']
      ) {
        const xml = '<Error><Code>XAmzContentSHA256Mismatch</Code></Error>';
        response.writeHead(400).end(xml);
        return;
      }
      if (!isSigned(request, body)) {
        response.writeHead(403).end('<Error><Code>SignatureDoesNotMatch</Code></Error>');
        return;
      }
      const unfinished = unfinishedUploads(uploads, { method, url });
      if (unfinished !== undefined) {
        response.end(unfinished);
        return;
      }
      const written = writtenBy({ method, url }, body, { uploads, objects: folder });
      if (written !== undefined) endWhenWritten(response, written);
      answer(withBody(request, body), response);
    })();
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const server: S3Server = {
    endpoint: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    bucket,
    variables: { AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER' },
    requests: [],
    fault: () => undefined,
    objectFile: (key) => join(folder, bucket, `${key}._S3rver_object`),
    [Symbol.asyncDispose]: async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
  return server;
}

interface Written {
  readonly path: string;
  readonly bytes: number;
}

// The file that a request makes, and its size at the end.
function writtenBy(
  { method, url }: { method: string; url: URL },
  body: Buffer,
  { uploads, objects }: { uploads: string; objects: string },
): Written | undefined {
  const [id, part] = [url.searchParams.get('uploadId'), url.searchParams.get('partNumber')];
  const object = join(objects, `${decodeURIComponent(url.pathname)}._S3rver_object`);
  if (method === 'PUT') {
    const path = id !== null && part !== null ? join(uploads, id, part) : object;
    return { path, bytes: body.length };
  }
  if (method !== 'POST' || id === null) return undefined;
  const parts = names(join(uploads, id)).filter((name) => /^\d+$/.test(name));
  const sizes = parts.map((name) => statSync(join(uploads, id, name)).size);
  return { path: object, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

// s3rver answers when it has read a body, and not when that is in its file: on a busy machine the next
// request would find less than was sent.
function endWhenWritten(response: ServerResponse, { path, bytes }: Written): void {
  const end = response.end.bind(response) as (...all: unknown[]) => void;
  response.end = ((...all: unknown[]) => {
    const look = (): void => {
      const isThere = statSync(path, { throwIfNoEntry: false })?.size === bytes;
      if (isThere || response.statusCode !== 200 || response.destroyed) end(...all);
      else setTimeout(look, 2);
    };
    look();
    return response;
  }) as typeof response.end;
}

// ListMultipartUploads, ListParts, AbortMultipartUpload, over the folder in which s3rver keeps parts.
function unfinishedUploads(
  uploads: string,
  { method, url }: { method: string; url: URL },
): string | undefined {
  const read = (...path: string[]): string => readFileSync(join(uploads, ...path), 'utf8');
  if (method === 'GET' && url.searchParams.has('uploads')) {
    const listed = names(uploads).map((id) => {
      const begun = statSync(join(uploads, id, 'key')).mtime.toISOString();
      const key = read(id, 'key');
      return key.startsWith(url.searchParams.get('prefix') ?? '')
        ? `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${begun}</Initiated></Upload>`
        : '';
    });
    return `<ListMultipartUploadsResult>${listed.join('')}</ListMultipartUploadsResult>`;
  }
  const id = url.searchParams.get('uploadId');
  if (id === null) return undefined;
  if (method === 'DELETE') {
    rmSync(join(uploads, id), { recursive: true });
    return '';
  }
  if (method !== 'GET') return undefined;
  // One part a page, so that its reader must turn pages.
  const marker = Number(url.searchParams.get('part-number-marker'));
  const after = names(join(uploads, id))
    .filter((name) => /^\d+$/.test(name) && names(join(uploads, id)).includes(`${name}.md5`))
    .map(Number)
    .filter((number) => number > marker)
    .sort((a, b) => a - b);
  const [part] = after;
  if (part === undefined)
    return '<ListPartsResult><IsTruncated>false</IsTruncated></ListPartsResult>';
  const tag = read(id, `${part}.md5`);
  return `<ListPartsResult><IsTruncated>${after.length > 1}</IsTruncated><NextPartNumberMarker>${part}</NextPartNumberMarker><Part><PartNumber>${part}</PartNumber><ETag>&quot;${tag}&quot;</ETag></Part></ListPartsResult>`;
}

// Signature version 4 as the service's manual has it ("Create a signed AWS API request"), which
// s3rver does not check. A token that is not signed is no token.
function isSigned(request: IncomingMessage, body: Buffer): boolean {
  const { headers } = request;
  const parts = /Credential=[^/]+\/([^,]+), SignedHeaders=([^,]+), Signature=(\w+)/;
  const [, scope = '', signed = '', signature] = parts.exec(headers.authorization ?? '') ?? [];
  if ('x-amz-security-token' in headers && !signed.includes('x-amz-security-token')) return false;
  const [path = '', query = ''] = (request.url ?? '').split('?');
  const canonical = [
    request.method,
    path.replaceAll(/[!'()*]/g, percent),
    [...new URLSearchParams(query)]
      .map((pair) => pair.map((text) => encodeURIComponent(text).replaceAll(/[!'()*]/g, percent)))
      .map(([name, value]) => `${name}=${value}`)
      .sort()
      .join('&'),
    ...signed.split(';').map((name) => `${name}:${String(headers[name]).trim()}`),
    '',
    signed,
    createHash('sha256').update(body).digest('hex'),
  ].join('\n');
  const text = [
    'AWS4-HMAC-SHA256',
    headers['x-amz-date'],
    scope,
    createHash('sha256').update(canonical).digest('hex'),
  ].join('\n');
  const hmac = (key: string | Buffer, data: string): Buffer =>
    createHmac('sha256', key).update(data).digest();
  const key = scope.split('/').reduce<string | Buffer>(hmac, 'AWS4S3RVER');
  return hmac(key, text).toString('hex') === signature;
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

// The request as it came, for a service that reads its body once more.
function withBody(request: IncomingMessage, body: Buffer): IncomingMessage {
  const again = new PassThrough().end(body);
  return Object.assign(again, {
    method: request.method,
    url: request.url,
    headers: request.headers,
    socket: request.socket,
    httpVersion: request.httpVersion,
  }) as unknown as IncomingMessage;
}

function cutAfter(response: ServerResponse, bytes: number): void {
  let sent = 0;
  const write = response.write.bind(response);
  response.write = ((chunk: Buffer, ...rest: never[]) => {
    const room = bytes - sent;
    sent += chunk.length;
    if (room > chunk.length) return write(chunk, ...rest);
    // What fits arrives first, so that the reader has something to go on from.
    write(chunk.subarray(0, Math.max(0, room)), () => response.destroy());
    return false;
  }) as typeof response.write;
}
