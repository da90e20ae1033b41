// Digests: how evidence names what it judged. Equal content has an equal digest, on every machine.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** SHA-256 of a text (UTF-8) or bytes, in hexadecimal. */
export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

// With the usual 64 kB a large file takes more than half as long again: 427 ms and 258 ms for 420 MB.
const highWaterMark = 1024 ** 2;

/** SHA-256 of a file, read as a stream, in hexadecimal. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** JSON with sorted keys and no spaces: one text for one value, whatever the order of its making. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    item !== null && typeof item === 'object' && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : item,
  );
}

/** The first twelve digits, for people: enough to tell digests apart at a glance. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 12);
}
