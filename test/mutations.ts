// Spoils values, texts and bytes by a seed, as people, disks and those who mean harm do.

import type { Dice } from './random-database.ts';

const oddTexts = [
  '',
  ' ',
  '\0',
  '../../../../etc/passwd',
  '/etc/passwd',
  'C:\\x',
  '-rf',
  '--help',
  '$(id)',
  "'; DROP TABLE users; --",
  '__proto__',
  'constructor',
  'a'.repeat(100_000),
  '🚢\u202E',
  '\uFEFF',
  'postgresql://',
  'postgresql://a:b@[::1/x',
  '9'.repeat(400),
  '-1d',
  '1e9d',
  'NaN',
  '2026-99-99T99:99:99Z',
];

const oddValues: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1e308,
  -1e308,
  Number.MAX_SAFE_INTEGER + 1,
  2 ** 31,
  0.1,
  [],
  {},
  [[]],
  [null],
  { env: 'NOT_SET' },
  { env: null },
  { env: '' },
  ...oddTexts,
];

/** A copy of a JSON value with one place of it spoiled: set, removed, renamed, doubled or swapped. */
export function spoiledValue(value: unknown, dice: Dice): unknown {
  const copy: unknown = structuredClone(value);
  const places = placesOf(copy);
  if (places.length === 0) return dice.of(oddValues);
  const { within, key } = dice.of(places);
  switch (dice.below(6)) {
    case 0:
      Reflect.deleteProperty(within, key);
      break;
    case 1:
      within[dice.of(oddTexts)] = within[key];
      break;
    case 2:
      within[key] = [within[key], within[key]];
      break;
    case 3: {
      const other = dice.of(places);
      [within[key], other.within[other.key]] = [other.within[other.key], within[key]];
      break;
    }
    default:
      within[key] = structuredClone(dice.of(oddValues));
  }
  return isJson(copy) ? copy : dice.of(oddValues);
}

// A swap may have put an object into itself.
function isJson(value: unknown): boolean {
  try {
    JSON.stringify(value);
    return true;
  } catch {
    return false;
  }
}

interface Place {
  readonly within: Record<string, unknown>;
  readonly key: string;
}

function placesOf(value: unknown): readonly Place[] {
  if (value === null || typeof value !== 'object') return [];
  const within = value as Record<string, unknown>;
  return Object.keys(within).flatMap((key) => [{ within, key }, ...placesOf(within[key])]);
}

/** Bytes with some of them flipped, cut off, doubled, put elsewhere or overwritten. */
export function spoiledBytes(bytes: Buffer, dice: Dice): Buffer {
  const copy = Buffer.from(bytes);
  const at = dice.below(copy.length + 1);
  const length = 1 + dice.below(64);
  switch (dice.below(5)) {
    case 0:
      if (copy.length > 0) {
        const place = dice.below(copy.length);
        copy.writeUInt8(copy.readUInt8(place) ^ (1 << dice.below(8)), place);
      }
      return copy;
    case 1:
      return copy.subarray(0, at);
    case 2:
      return Buffer.concat([
        copy.subarray(0, at),
        copy.subarray(at, at + length),
        copy.subarray(at),
      ]);
    case 3:
      return Buffer.concat([copy.subarray(0, at), copy.subarray(at + length)]);
    default:
      return Buffer.concat([
        copy.subarray(0, at),
        Buffer.from(dice.of(oddTexts).slice(0, 200)),
        copy.subarray(at),
      ]);
  }
}

const sqlPieces = [
  "'",
  '"',
  '$$',
  '$x$',
  ';',
  '(',
  ')',
  '/*',
  '*/',
  '--',
  '\n-- drydock: batch\n',
  '\n-- drydock: verify SELECT 1\n',
  '\n-- drydock: allow x\n',
  '\\',
  '\0',
  '\uFEFF',
  '\r\n',
  'BEGIN;',
  'COMMIT;',
  'CONCURRENTLY',
  'NOT',
  ',',
  '::',
  '🚢',
  "E'\\x'",
  'DO $$ BEGIN ',
  '((((((((((',
];

/** SQL with pieces of it moved, removed, and put between pieces of other SQL. */
export function spoiledSql(texts: readonly string[], dice: Dice): string {
  let text = dice.of(texts);
  for (let times = 1 + dice.below(4); times > 0; times -= 1) {
    const at = dice.below(text.length + 1);
    const until = at + dice.below(40);
    const other = dice.of(texts);
    const from = dice.below(other.length + 1);
    const piece =
      dice.below(2) === 0 ? dice.of(sqlPieces) : other.slice(from, from + dice.below(200));
    text = text.slice(0, at) + piece + text.slice(dice.below(2) === 0 ? at : until);
  }
  return text;
}
