// The number of a migration: how it is read from a file name, and how numbers are ordered.

import { basename } from 'node:path';

/** The number at the beginning of a file name, as written (`008`); empty where there is none. */
export function versionOf(path: string): string {
  return /^\d+/.exec(basename(path))?.[0] ?? '';
}

/** Order of two numbers: by value, so that `010` comes after `9`. */
export function compareVersions(a: string, b: string): number {
  const left = BigInt(a === '' ? '0' : a);
  const right = BigInt(b === '' ? '0' : b);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** File names in the order of their numbers; equal numbers by name. */
export function inOrder(names: readonly string[]): string[] {
  return [...names].sort((a, b) => compareVersions(versionOf(a), versionOf(b)) || (a < b ? -1 : 1));
}

const downEnd = '.down.sql';

/** True for a file that takes a migration back: `008_add_teacher_mode.down.sql`. */
export function isDown(file: string): boolean {
  return file.endsWith(downEnd);
}

/** The migration that such a file belongs to, by name or path. */
export function upNameOf(file: string): string {
  return `${file.slice(0, -downEnd.length)}.sql`;
}

/** Where the way back of a migration stands. */
export function downPathOf(path: string): string {
  return path.replace(/\.sql$/, downEnd);
}
