// A release is the application's code at one commit.

import { run } from '../core/process.ts';
import { inOrder, isDown } from '../migration/version.ts';

/** A version of the application's code. */
export interface Release {
  /** The commit, in full. */
  readonly commit: string;
  /** First line of its message. */
  readonly subject: string;
}

/** The release that a revision names (`HEAD`, a tag, a commit); undefined outside a git checkout. */
export async function findRelease(folder: string, revision: string): Promise<Release | undefined> {
  const { exitCode, stdout } = await run(
    'git',
    ['log', '-1', '--format=%H%n%s', '--end-of-options', revision, '--'],
    { cwd: folder },
  ).catch(() => ({ exitCode: 1, stdout: '' }));
  const [commit, subject] = stdout.split('\n');
  return exitCode === 0 && commit ? { commit, subject: subject ?? '' } : undefined;
}

/** Names of the migrations in a folder at a commit; none where git does not know the folder then. */
export async function migrationsAt(folder: string, commit: string): Promise<readonly string[]> {
  const { exitCode, stdout } = await run('git', ['ls-tree', '--name-only', '-z', commit], {
    cwd: folder,
  }).catch(() => ({ exitCode: 1, stdout: '' }));
  if (exitCode !== 0) return [];
  const files = stdout.split('\0').filter((file) => /^\d+_.*\.sql$/.test(file) && !isDown(file));
  return inOrder(files).map((file) => file.slice(0, -'.sql'.length));
}

/** The command line that takes the commits between two releases back in git; null where there are none. */
export async function revertCommand(
  folder: string,
  { left, back }: { readonly left: string; readonly back: string },
): Promise<string | null> {
  const { exitCode, stdout } = await run('git', ['rev-list', '--count', `${back}..${left}`], {
    cwd: folder,
  }).catch(() => ({ exitCode: 1, stdout: '' }));
  const commits = exitCode === 0 ? Number(stdout) : 0;
  if (commits === 0) return null;
  const [from, to] = [back, left].map((commit) => commit.slice(0, 12));
  return `git revert --no-edit ${commits === 1 ? to : `${from}..${to}`}`;
}
