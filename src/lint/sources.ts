// Which files a check reads: files and folders that were named, standard input, or what changed in git;
// and the migrations before them, which say what they find in the database.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Failure } from '../core/failure.ts';
import { run } from '../core/process.ts';
import { compareVersions, inOrder, isDown, versionOf } from '../migration/version.ts';
import type { CheckedFile } from './check.ts';

/** What to check. */
export interface SourceOptions {
  /** Files, folders, or `-` for standard input. */
  readonly paths: readonly string[];
  readonly cwd: string;
  /** Reads standard input, for the path `-`. */
  readonly standardInput: () => Promise<string>;
  /** Only files that differ from this commit, branch or tag. */
  readonly changedSince?: string | undefined;
}

/** Files to check, and those to read before them. */
export interface Sources {
  readonly files: readonly CheckedFile[];
  readonly earlier: readonly CheckedFile[];
  /** True when these are the migrations of a folder from its first one on. */
  readonly isWholeHistory: boolean;
}

/**
 * Reads the files.
 *
 * @throws `lint/not-found` for a path that is not there, `lint/git` when git cannot tell what changed
 */
export async function readSources(options: SourceOptions): Promise<Sources> {
  if (options.paths.length === 1 && options.paths[0] === '-') {
    const sql = await options.standardInput();
    return { files: [{ path: 'standard input', sql }], earlier: [], isWholeHistory: false };
  }
  const named = options.paths.flatMap((path) => sqlFiles(resolve(options.cwd, path), path));
  // A way back is read when it is named by itself, and not as one more migration among the others.
  const listed = named.every(isDown) ? named : named.filter((path) => !isDown(path));
  const changed = await changedFiles(options);
  const paths = changed === undefined ? listed : listed.filter((path) => changed.files.has(path));
  const others = collisionsOf(paths, changed?.taken ?? new Map());
  const files = paths.map((path): CheckedFile => {
    const collidesWith = others.get(path);
    const file = read(path, options.cwd);
    return collidesWith === undefined ? file : { ...file, collidesWith };
  });
  const earlier = earlierThan(paths, options.cwd).map((path) => read(path, options.cwd));
  return { files, earlier, isWholeHistory: areMigrations(paths, options.cwd) };
}

function sqlFiles(absolute: string, path: string): string[] {
  if (!existsSync(absolute)) {
    throw new Failure({
      code: 'lint/not-found',
      message: `there is no ${path}`,
      hint: 'Name a file or a folder that exists, for example: drydock check migrations',
    });
  }
  if (!statSync(absolute).isDirectory()) return [path];
  return inOrder(readdirSync(absolute).filter((name) => name.endsWith('.sql'))).map((name) =>
    join(path, name),
  );
}

function read(path: string, cwd: string): CheckedFile {
  try {
    return { path, sql: readFileSync(resolve(cwd, path), 'utf8') };
  } catch (error) {
    throw new Failure({
      code: 'lint/unreadable',
      message: `cannot read ${path}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`,
      hint: 'Check the permissions of the file, then type the same command again.',
      cause: error,
    });
  }
}

function areMigrations([first]: readonly string[], cwd: string): boolean {
  if (first === undefined || versionOf(first) === '') return false;
  return /^migrations?$/i.test(basename(resolve(cwd, dirname(first))));
}

// Migrations are numbered files in a folder of that name. Other folders hold whatever they hold: what
// stands beside a file there says nothing about the database.
function earlierThan(paths: readonly string[], cwd: string): string[] {
  const [first] = paths;
  if (first === undefined) return [];
  const folder = dirname(first);
  if (!areMigrations(paths, cwd)) return [];
  const names = readdirSync(resolve(cwd, folder)).filter(
    (name) => name.endsWith('.sql') && versionOf(name) !== '' && !isDown(name),
  );
  return inOrder(names)
    .filter((name) => compareVersions(versionOf(name), versionOf(first)) < 0)
    .map((name) => join(folder, name))
    .filter((path) => !paths.includes(path));
}

interface Changed {
  readonly files: ReadonlySet<string>;
  /** Numbers that the other side has, with the file that has them. */
  readonly taken: ReadonlyMap<string, string>;
}

// What differs from where the branches parted, and what nobody has committed yet.
async function changedFiles({
  paths,
  cwd,
  changedSince,
}: SourceOptions): Promise<Changed | undefined> {
  if (changedSince === undefined) return undefined;
  const git = async (...args: string[]): Promise<string[]> => {
    const { exitCode, stdout, stderr } = await run('git', args, { cwd });
    if (exitCode !== 0) {
      throw new Failure({
        code: 'lint/git',
        message: `git cannot tell what changed since ${changedSince}: ${stderr.trim()}`,
        hint: 'Fetch the branch first, for example: git fetch origin main; then type the same command again.',
      });
    }
    return stdout.split('\0').filter((name) => name !== '');
  };
  const [base = changedSince] = (await git('merge-base', changedSince, 'HEAD')).map((each) =>
    each.trim(),
  );
  const changed = await git(
    'diff',
    '--name-only',
    '-z',
    '--relative',
    '--diff-filter=d',
    base,
    '--',
    ...paths,
  );
  const untracked = await git('ls-files', '-z', '--others', '--exclude-standard', '--', ...paths);
  const theirs = await git('ls-tree', '-r', '-z', '--name-only', changedSince, '--', ...paths);
  return {
    files: new Set([...changed, ...untracked]),
    taken: new Map(theirs.map((path) => [slot(path), path])),
  };
}

function slot(path: string): string {
  const number = versionOf(path);
  return number === '' ? path : join(dirname(path), String(BigInt(number)));
}

// The file that has the same number: among those that are checked, or in the other branch.
function collisionsOf(
  paths: readonly string[],
  taken: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const seen = new Map(taken);
  const collisions = new Map<string, string>();
  for (const path of paths) {
    const other = seen.get(slot(path));
    if (other !== undefined && other !== path) collisions.set(path, other);
    seen.set(slot(path), path);
  }
  return collisions;
}
