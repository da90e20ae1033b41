// The direction of dependencies (.dependency-cruiser.json): kept by the sources, and every rule
// proven to notice what it forbids.

import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import extractOptions from 'dependency-cruiser/config-utl/extract-depcruise-options';
import { describe, expect, it } from 'vitest';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

async function look(baseDir: string): Promise<ICruiseResult> {
  const options = await extractOptions(join(root, '.dependency-cruiser.json'));
  const { output } = await cruise(['src'], { ...options, baseDir, validate: true });
  return output as ICruiseResult;
}

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !name.endsWith('.test.ts'),
  );
}

describe('the sources', () => {
  it('are all seen, and keep every rule', async () => {
    const { modules, summary } = await look(root);
    const seen = modules.map(({ source }) => source).filter((path) => /^src\/.*\.ts$/.test(path));
    const files = sourceFiles(join(root, 'src')).map((name) => `src/${name}`);
    // A compiler that the tool does not know makes it see nothing and report success.
    expect(seen.sort()).toEqual(files.sort());
    expect(
      summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`),
    ).toEqual([]);
  });

  it('read and write the terminal in cli/ alone', () => {
    const files = sourceFiles(join(root, 'src')).filter((name) => !name.startsWith('cli/'));
    const users = files.filter((name) =>
      /\bprocess\.(stdin|stdout|stderr)\b|\bconsole\./.test(
        withoutComments(join(root, 'src', name)),
      ),
    );
    expect(users).toEqual([]);
  });
});

function withoutComments(file: string): string {
  return readFileSync(file, 'utf8').replaceAll(/^\s*(\/\/|\/?\*).*$/gm, '');
}

/** For every rule: a file, and what it must not import. */
const violations: readonly (readonly [rule: string, file: string, line: string])[] = [
  ['no-circles', 'src/lint/one.ts', `import '../lint/two.ts';`],
  ['core-imports-nothing-of-ours', 'src/core/a.ts', `import '../postgres/address.ts';`],
  ['postgres-imports-core-only', 'src/postgres/a.ts', `import '../config/load.ts';`],
  ['config-imports-inner-layers-only', 'src/config/a.ts', `import '../history/ledger.ts';`],
  ['history-imports-inner-layers-only', 'src/history/a.ts', `import '../migration/plan.ts';`],
  ['migration-imports-inner-layers-only', 'src/migration/a.ts', `import '../apply/apply.ts';`],
  ['steps-import-no-outer-layer', 'src/apply/a.ts', `import '../safe-change.ts';`],
  ['steps-share-types-only', 'src/backup/a.ts', `import '../restore/restore.ts';`],
  ['process-imports-no-outer-layer', 'src/process/a.ts', `import '../cli/main.ts';`],
  ['pg-in-postgres-only', 'src/health/a.ts', `import type { Client } from 'pg';`],
  ['parser-in-one-file', 'src/lint/a.ts', `import { parse } from 'libpg-query';`],
  ['programs-started-in-one-file', 'src/backup/b.ts', `import 'node:child_process';`],
  ['terminal-in-cli-only', 'src/backup/c.ts', `import '@clack/prompts';`],
  ['no-tests-in-the-product', 'src/backup/d.ts', `import 'vitest';`],
];

const allowed: readonly (readonly [file: string, line: string])[] = [
  ['src/lint/two.ts', `import './one.ts';`],
  ['src/rehearsal/a.ts', `import type { Backup } from '../backup/manifest.ts';`],
  ['src/lint/b.ts', `import type { Node } from '@pgsql/types';`],
  ['src/postgres/connect.ts', `import 'pg';`],
  ['src/cli/a.ts', `import '../safe-change.ts';`],
];

describe('a rule', () => {
  it('notices what it forbids, and nothing else', async () => {
    const tree = treeOf([...violations.map(([, file, line]) => [file, line] as const), ...allowed]);
    try {
      const { summary } = await look(tree);
      const found = summary.violations.map(({ rule, from }) => `${rule.name}: ${from}`);
      const expected = violations.map(([rule, file]) => `${rule}: ${file}`);
      expect(found.sort()).toEqual(expected.sort());
    } finally {
      rmSync(tree, { recursive: true });
    }
  });

  it('is proven by a case above', () => {
    const config = readFileSync(join(root, '.dependency-cruiser.json'), 'utf8');
    const { forbidden } = JSON.parse(config) as { forbidden: { name: string }[] };
    expect(violations.map(([rule]) => rule)).toEqual(forbidden.map(({ name }) => name));
  });
});

/** A project in miniature: the given files, and empty ones for what they import. */
function treeOf(files: readonly (readonly [file: string, line: string])[]): string {
  mkdirSync(join(root, '.cache'), { recursive: true });
  const tree = mkdtempSync(join(root, '.cache', 'architecture-'));
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
  const write = (path: string, line: string): void => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${line}\nexport {};\n`);
  };
  for (const [file, line] of files) {
    const imported = /'(\..*)'/.exec(line)?.[1];
    if (imported !== undefined) write(join(tree, dirname(file), imported), '');
  }
  for (const [file, line] of files) write(join(tree, file), line);
  return tree;
}
