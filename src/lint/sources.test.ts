import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runOrFail } from '../core/process.ts';
import { readSources } from './sources.ts';

function folderWith(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'drydock-sources-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, 'migrations'));
  for (const [name, sql] of Object.entries(files)) {
    writeFileSync(join(root, 'migrations', name), sql);
  }
  return root;
}

const standardInput = async (): Promise<string> => 'SELECT 1';

it('standard input is a file like any other', async () => {
  const { files } = await readSources({ paths: ['-'], cwd: '.', standardInput });
  expect(files).toEqual([{ path: 'standard input', sql: 'SELECT 1' }]);
});

describe('a folder', () => {
  it('is read in the order of its numbers', async () => {
    const root = folderWith({ '10_b.sql': '', '9_a.sql': '', 'notes.txt': '' });
    const { files } = await readSources({ paths: ['migrations'], cwd: root, standardInput });
    expect(files.map((file) => file.path)).toEqual(['migrations/9_a.sql', 'migrations/10_b.sql']);
  });

  it('has two files of one number told', async () => {
    const root = folderWith({ '1_a.sql': '', '001_b.sql': '' });
    const { files } = await readSources({ paths: ['migrations'], cwd: root, standardInput });
    expect(files.filter((file) => file.collidesWith !== undefined)).toHaveLength(1);
  });
});

describe('one migration', () => {
  it('brings the ones before it, which say what it finds', async () => {
    const root = folderWith({ '1_a.sql': 'SELECT 1', '2_b.sql': '', '3_c.sql': '' });
    const { files, earlier } = await readSources({
      paths: ['migrations/2_b.sql'],
      cwd: root,
      standardInput,
    });
    expect(files).toHaveLength(1);
    expect(earlier).toEqual([{ path: 'migrations/1_a.sql', sql: 'SELECT 1' }]);
  });

  it('that is not there is a failure that says so', async () => {
    await expect(
      readSources({ paths: ['none.sql'], cwd: tmpdir(), standardInput }),
    ).rejects.toMatchObject({
      code: 'lint/not-found',
    });
  });
});

describe('only what changed in git', () => {
  it('is what differs from the branch, with numbers that the branch has taken meanwhile', async () => {
    const root = folderWith({ '1_a.sql': 'SELECT 1' });
    const git = async (...args: string[]): Promise<void> => {
      const who = ['-c', 'user.name=t', '-c', 'user.email=t@example.com'];
      await runOrFail('git', [...who, ...args], { cwd: root });
    };
    await git('init', '--initial-branch=main');
    await git('add', '.');
    await git('commit', '-m', 'one');
    await git('checkout', '-b', 'work');
    writeFileSync(join(root, 'migrations/2_mine.sql'), 'SELECT 2');
    await git('add', '.');
    await git('commit', '-m', 'mine');
    await git('checkout', 'main');
    writeFileSync(join(root, 'migrations/2_theirs.sql'), 'SELECT 2');
    await git('add', '.');
    await git('commit', '-m', 'theirs');
    await git('checkout', 'work');
    writeFileSync(join(root, 'migrations/3_new.sql'), 'SELECT 3');
    const { files } = await readSources({
      paths: ['migrations'],
      cwd: root,
      standardInput,
      changedSince: 'main',
    });
    expect(files).toEqual([
      { path: 'migrations/2_mine.sql', sql: 'SELECT 2', collidesWith: 'migrations/2_theirs.sql' },
      { path: 'migrations/3_new.sql', sql: 'SELECT 3' },
    ]);
  });
});
