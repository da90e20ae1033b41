// A fresh data directory. The first one of a version is made by initdb and packed into one file in
// the cache; later ones are unpacked from it, which takes 30 ms in place of 600.

import { randomBytes } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { throwIfInterrupted } from '../core/context.ts';
import { sha256, shortDigest } from '../core/digest.ts';
import { type RunOptions, run, runOrFail } from '../core/process.ts';
import { type Installation, programPath } from '../postgres/programs.ts';
import type { ServerAccount } from './account.ts';
import { exists } from './cache.ts';
import { removeFolder } from './folder.ts';

/** What a data directory is made with. */
export interface DataDirectoryOptions {
  readonly installation: Installation;
  readonly account: ServerAccount;
  /** Folder that keeps data directories for later starts, if there is one. */
  readonly cache: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

/** Makes `folder`/data with the superuser `postgres`, in UTF-8, the same on every machine. */
export async function makeDataDirectory(
  folder: string,
  options: DataDirectoryOptions,
): Promise<void> {
  const archive = archivePath(options);
  if (archive !== undefined && (await unpack(archive, folder, options))) return;
  await initialise(folder, options);
  if (archive !== undefined) await pack(folder, archive, options);
}

async function initialise(folder: string, options: DataDirectoryOptions): Promise<void> {
  const initdb = programPath(options.installation, 'initdb');
  const running = runOptions(folder, options);
  const args = [
    '--pgdata=data',
    '--username=postgres',
    // The socket lies in a folder that only its owner enters; any user of the machine reaches a port.
    '--auth-local=trust',
    '--auth-host=scram-sha-256',
    '--encoding=UTF8',
    '--no-sync',
    // Small WAL files keep an empty data directory small; they change nothing else.
    '--wal-segsize=1',
  ];
  if (options.installation.major >= 17) {
    // Comes with the server (manual, 24.1.4), so it needs no locale of the machine.
    const builtin = ['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C'];
    await runOrFail(initdb, [...args, ...builtin], running);
    return;
  }
  const made = await run(initdb, [...args, '--locale=C.UTF-8'], running);
  // Some systems have no such locale; initdb has removed what it began.
  if (made.exitCode !== 0) await runOrFail(initdb, [...args, '--locale=C'], running);
}

function archivePath({ cache, installation }: DataDirectoryOptions): string | undefined {
  if (cache === undefined) return undefined;
  return join(cache, `${installation.version}-${shortDigest(sha256(installation.folder))}.tar`);
}

// An empty file that is packed last: when it comes out, everything before it came out too, even of
// an archive that a full disk or a power cut has shortened.
const endMark = 'complete';

async function unpack(
  archive: string,
  folder: string,
  options: DataDirectoryOptions,
): Promise<boolean> {
  if (!(await exists(archive))) return false;
  const unpacked = await tar(['-xf', archive], folder, options);
  if (unpacked && (await exists(join(folder, endMark)))) return true;
  await removeFolder(join(folder, 'data'), options.account);
  await rm(archive, { force: true });
  return false;
}

// The archive gets its name when it is whole, so others never see a part of it. Whatever goes wrong
// here (no tar, no space) costs the next start half a second and nothing else.
async function pack(folder: string, archive: string, options: DataDirectoryOptions): Promise<void> {
  const unfinished = `${archive}.${randomBytes(4).toString('hex')}`;
  await writeFile(join(folder, endMark), '', { flag: 'wx' });
  if (await tar(['-cf', unfinished, 'data', endMark], folder, options)) {
    await rename(unfinished, archive);
  } else {
    await rm(unfinished, { force: true });
  }
}

async function tar(
  args: readonly string[],
  folder: string,
  options: DataDirectoryOptions,
): Promise<boolean> {
  try {
    return (await run('tar', args, runOptions(folder, options))).exitCode === 0;
  } catch {
    throwIfInterrupted(options.signal);
    return false;
  }
}

function runOptions(folder: string, options: DataDirectoryOptions): RunOptions {
  const { account, env, signal } = options;
  return { ...account, env, signal, cwd: folder };
}
