// A fresh data directory. The first one of a version is made by initdb and packed into one file in
// a private cache; the others are unpacked from it, which takes 30 ms in place of 600.

import { randomBytes } from 'node:crypto';
import { access, lstat, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { throwIfInterrupted } from '../core/context.ts';
import { sha256, shortDigest } from '../core/digest.ts';
import { type RunOptions, run, runOrFail } from '../core/process.ts';
import { type Installation, programPath } from '../postgres/programs.ts';
import { giveTo, type ServerAccount } from './account.ts';
import { currentUid } from './owner.ts';

/** What a data directory is made with. */
export interface DataDirectoryOptions {
  readonly installation: Installation;
  readonly account: ServerAccount;
  /** How programs of the installation are started. */
  readonly running: RunOptions;
}

/** Makes a data directory with the superuser `postgres`, in UTF-8, the same on every machine. */
export async function makeDataDirectory(
  data: string,
  options: DataDirectoryOptions,
): Promise<void> {
  const archive = await archivePath(options);
  if (archive !== undefined && (await unpack(archive, data, options))) return;
  await initialise(data, options);
  if (archive !== undefined) await pack(data, archive, options);
}

async function initialise(data: string, options: DataDirectoryOptions): Promise<void> {
  const { installation, running } = options;
  const initdb = programPath(installation, 'initdb');
  const args = [
    `--pgdata=${data}`,
    '--username=postgres',
    '--auth=trust',
    '--encoding=UTF8',
    '--no-sync',
    // Small WAL files keep an empty data directory small; they change nothing else.
    '--wal-segsize=1',
  ];
  if (installation.major >= 17) {
    // Comes with the server (manual, 24.1.4), so it needs no locale of the machine.
    const builtin = ['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C'];
    await runOrFail(initdb, [...args, ...builtin], running);
    return;
  }
  const made = await run(initdb, [...args, '--locale=C.UTF-8'], running);
  // Some systems have no such locale; initdb has removed what it began.
  if (made.exitCode !== 0) await runOrFail(initdb, [...args, '--locale=C'], running);
}

// The cache is a folder with a known name in a place where everybody may write: whoever made it
// first could choose what this user's servers run. So it is used only when it is this user's own.
async function archivePath(options: DataDirectoryOptions): Promise<string | undefined> {
  const { installation, account } = options;
  const cache = join(tmpdir(), `drydock-${currentUid()}-cache`);
  try {
    await mkdir(cache, { mode: 0o700 });
    await giveTo(account, cache);
  } catch {
    // It is there, from an earlier start.
  }
  const entry = await lstat(cache).catch(() => undefined);
  const isOwn = entry?.isDirectory() === true && entry.uid === (account.uid ?? currentUid());
  if (!isOwn || (entry.mode & 0o077) !== 0) return undefined;
  const { folder, version } = installation;
  return join(cache, `data-${version}-${shortDigest(sha256(folder))}.tar`);
}

// PG_VERSION is packed last: when it comes out, everything before it came out too, even of a file
// that a full disk or a power cut has shortened.
const lastFile = 'PG_VERSION';

async function unpack(
  archive: string,
  data: string,
  options: DataDirectoryOptions,
): Promise<boolean> {
  if (!(await exists(archive))) return false;
  await mkdir(data, { mode: 0o700 });
  await giveTo(options.account, data);
  const args = ['-xf', archive, '-C', data];
  if ((await succeeds('tar', args, options.running)) && (await exists(join(data, lastFile)))) {
    return true;
  }
  await rm(data, { recursive: true, force: true });
  await rm(archive, { force: true });
  return false;
}

// The archive gets its name when it is whole, so others never see a part of it. Whatever goes wrong
// here (no tar, no space) costs the next start time and nothing else.
async function pack(data: string, archive: string, options: DataDirectoryOptions): Promise<void> {
  const names = (await readdir(data)).filter((name) => name !== lastFile);
  const unfinished = `${archive}.${randomBytes(4).toString('hex')}`;
  const args = ['-cf', unfinished, '-C', data, ...names, lastFile];
  if (await succeeds('tar', args, options.running)) await rename(unfinished, archive);
  else await rm(unfinished, { force: true });
}

async function succeeds(
  program: string,
  args: readonly string[],
  running: RunOptions,
): Promise<boolean> {
  try {
    return (await run(program, args, running)).exitCode === 0;
  } catch {
    if (running.signal !== undefined) throwIfInterrupted(running.signal);
    return false;
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
