// Requests to an S3-compatible service: signed, tried again, and their failures in words. The keys
// come from the environment and go into signatures alone.

import { setTimeout as pause } from 'node:timers/promises';
import type { AwsClient } from 'aws4fetch';
import type { S3Address } from '../../config/store-address.ts';
import { throwIfInterrupted } from '../../core/context.ts';
import { sha256 } from '../../core/digest.ts';
import { Failure } from '../../core/failure.ts';
import { unreachable } from './store.ts';

/** One request, below the bucket. */
export interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Whole name of an object; the bucket itself if left out. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer> | string;
  readonly signal?: AbortSignal;
  /** Answers beside 2xx that the caller understands. */
  readonly accept?: readonly number[];
}

/** Beside the address: the keys, and what tests set otherwise. */
export interface S3Options {
  /** Holds `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, for a role, `AWS_SESSION_TOKEN`. */
  readonly variables: NodeJS.ProcessEnv;
  /** Bytes of a part; the service wants at least 5 MiB of all but the last. */
  readonly partBytes?: number;
}

/** Sends requests to one bucket. */
export type S3Send = (request: S3Request) => Promise<Response>;

const tries = 4;

/**
 * Connects to a bucket: each request is signed with the keys of the environment, its body with it,
 * so that the service refuses a body that arrives changed.
 *
 * @throws `store/no-credentials`; and when sending `store/refused`, `store/unreachable`
 */
export async function s3Bucket(address: S3Address, options: S3Options): Promise<S3Send> {
  const client = await signer(address, options.variables);
  const bucket = `${address.endpoint}/${address.bucket}`;
  // Who was never reached is not there; who was reached once may be back in a moment.
  let wasReached = false;
  return async (request) => {
    const url = new URL(request.key === undefined ? bucket : `${bucket}/${escaped(request.key)}`);
    for (const [name, value] of Object.entries(request.query ?? {})) {
      url.searchParams.set(name, value);
    }
    const { method, body, signal } = request;
    for (let attempt = 1; ; attempt += 1) {
      let response: Response;
      try {
        response = await client.fetch(url, {
          method,
          headers: { ...request.headers, 'x-amz-content-sha256': sha256(body ?? '') },
          ...(body === undefined ? {} : { body }),
          ...(signal === undefined ? {} : { signal }),
        });
      } catch (error) {
        if (signal !== undefined) throwIfInterrupted(signal);
        if (!wasReached || attempt === tries)
          throw unreachable(address.label, reasonOf(error), error);
        await pause(500 * 4 ** (attempt - 1));
        continue;
      }
      wasReached = true;
      if (response.ok || request.accept?.includes(response.status) === true) return response;
      throw await refused(address, method, response);
    }
  };
}

async function signer(address: S3Address, variables: NodeJS.ProcessEnv): Promise<AwsClient> {
  const accessKeyId = variables.AWS_ACCESS_KEY_ID;
  const secretAccessKey = variables.AWS_SECRET_ACCESS_KEY;
  if (!accessKeyId || !secretAccessKey) {
    throw new Failure({
      code: 'store/no-credentials',
      message: `the keys for ${address.label} are not in the environment`,
      hint: 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN for a role), for example: eval "$(aws configure export-credentials --format env)"',
    });
  }
  const { AwsClient } = await import('aws4fetch');
  return new AwsClient({
    accessKeyId,
    secretAccessKey,
    ...(variables.AWS_SESSION_TOKEN ? { sessionToken: variables.AWS_SESSION_TOKEN } : {}),
    service: 's3',
    region: address.region,
    // Busy and broken services (429, 5xx) are asked again by the client itself.
    retries: tries,
    initRetryMs: 100,
  });
}

async function refused(address: S3Address, method: string, response: Response): Promise<Failure> {
  const said = await response.text().catch(() => '');
  const code = element(said, 'Code') ?? `HTTP ${response.status}`;
  const message = element(said, 'Message');
  return new Failure({
    code: 'store/refused',
    message: `${address.label} refused a ${method}: ${code}${message === undefined ? '' : ` (${message})`}`,
    hint: 'Look at the bucket, the region and the rights of the keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, then type the same command again.',
    details: { status: response.status, code },
  });
}

/** The text of the first element of that name; undefined when there is none. */
export function element(xml: string, name: string): string | undefined {
  const [, text] = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml) ?? [];
  return text === undefined ? undefined : unescapeXml(text);
}

/** The inside of every element of that name. */
export function elements(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, 'gs'))].map(
    ([, inside]) => inside ?? '',
  );
}

function unescapeXml(text: string): string {
  const named: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
  return text.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return named[String(name)] ?? whole;
    return String.fromCodePoint(
      Number.parseInt(String(decimal ?? hex), decimal === undefined ? 16 : 10),
    );
  });
}

function escaped(key: string): string {
  return key.split('/').map(encodeURIComponent).join('/');
}

// `fetch failed` says nothing; what stands behind it does.
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error & { cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? message;
}
