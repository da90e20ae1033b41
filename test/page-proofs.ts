// Pages that say of each line which test shows it, with a link to the file.

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

/** A test that the page names. */
export interface Proof {
  readonly name: string;
  readonly file: string;
}

/** The tests that a page under docs/ links to, by name. */
export function proofsIn(text: string): readonly Proof[] {
  return [...text.matchAll(/\[([^\]]+)\]\(\.\.\/([^)]+\.test\.ts)\)/g)].map(
    ([, name = '', file = '']) => ({ name, file }),
  );
}

/** Whether a file of tests has one of that name: its texts, and its patterns filled with its texts. */
export function isTestOf(name: string, source: string): boolean {
  const literals = [...source.matchAll(/'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"/g)].map(
    ([, single, double]) => (single ?? double ?? '').replaceAll(/\\(['"])/g, '$1'),
  );
  if (literals.includes(name)) return true;
  return literals
    .filter((pattern) => pattern.includes('%s'))
    .some((pattern) => {
      const parts = pattern
        .split('%s')
        .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
      const filled = new RegExp(`^${parts.join('(.+)')}$`).exec(name);
      return filled?.slice(1).every((text) => literals.includes(text)) === true;
    });
}

/** Holds a page to a list of what it must speak of, and to tests that are there. */
export function holdPage(path: string, subjects: readonly string[]): void {
  const page = readFileSync(path, 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('| '));
  it.each(subjects)('%s has a row with a test that shows it', (subject) => {
    const found = rows.filter((row) => row.startsWith(`| ${subject} |`));
    expect(found).toHaveLength(1);
    expect(proofsIn(found.join())).not.toEqual([]);
  });
  it('every test that the page names is there', () => {
    const gone = proofsIn(page).filter(
      ({ name, file }) => !isTestOf(name, readFileSync(file, 'utf8')),
    );
    expect(gone).toEqual([]);
  });
}
