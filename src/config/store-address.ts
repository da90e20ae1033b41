// The address of a store of backups, as the configuration names it. It holds no secret: the keys of
// an S3-compatible service come from the environment.

import { isAbsolute, resolve } from 'node:path';

/** A bucket of an S3-compatible service. */
export interface S3Address {
  readonly kind: 's3';
  /** `https://host`, without a slash at the end. */
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  /** Names in the bucket begin so: empty, or with a slash at the end. */
  readonly prefix: string;
  /** For people. */
  readonly label: string;
}

/** A folder. */
export interface FolderAddress {
  readonly kind: 'folder';
  readonly folder: string;
}

/** Where a store of backups is. */
export type StoreAddress = S3Address | FolderAddress;

/** True for what names a store, and not a folder of this machine. */
export function isS3(text: string): boolean {
  return text.startsWith('s3://');
}

/**
 * Reads the address of a store: `s3://bucket/prefix?endpoint=https://host&region=eu-central-1`, or
 * a folder, absolute or below `root`.
 *
 * @throws Error in words, for the list of all problems of a configuration
 */
export function parseStoreAddress(text: string, root: string): StoreAddress {
  if (!isS3(text)) {
    return { kind: 'folder', folder: isAbsolute(text) ? text : resolve(root, text) };
  }
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') {
    throw new Error('has a key in it: give keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY');
  }
  if (url.hostname === '') throw new Error('names no bucket: s3://bucket/prefix');
  for (const name of url.searchParams.keys()) {
    if (name !== 'endpoint' && name !== 'region') throw new Error(`has an unknown part ${name}`);
  }
  const region = url.searchParams.get('region') ?? 'us-east-1';
  const endpoint = url.searchParams.get('endpoint') ?? `https://s3.${region}.amazonaws.com`;
  if (!/^https?:\/\/[^/?#@]+\/?$/.test(endpoint)) {
    throw new Error('has an endpoint that is not like https://host or http://127.0.0.1:9000');
  }
  const path = decodeURIComponent(url.pathname).replace(/^\/+|\/+$/g, '');
  return {
    kind: 's3',
    endpoint: endpoint.replace(/\/$/, ''),
    region,
    bucket: url.hostname,
    prefix: path === '' ? '' : `${path}/`,
    label: `s3://${url.hostname}${path === '' ? '' : `/${path}`}`,
  };
}
