// Pages that say of each line which test shows it, with a link to the file.

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
