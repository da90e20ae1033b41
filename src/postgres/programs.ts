// Finds the PostgreSQL programs of this machine, and chooses those that fit a server.

import { access, constants, readdir, realpath } from 'node:fs/promises';
import { basename, delimiter, dirname, join } from 'node:path';
import { Failure } from '../core/failure.ts';
import { type RunOptions, run } from '../core/process.ts';

/** One folder with PostgreSQL programs of one version. */
export interface Installation {
  readonly folder: string;
  readonly major: number;
  /** As the programs tell it, such as `15.14` or `18beta1`. */
  readonly version: string;
  /** True when `postgres` and `initdb` are there. */
  readonly hasServer: boolean;
  /** True when `pg_dump` and `pg_restore` are there. */
  readonly hasClients: boolean;
}

/** The programs that Drydock starts. */
export type Program = 'postgres' | 'initdb' | 'pg_dump' | 'pg_dumpall' | 'pg_restore' | 'psql';

// Where packages put programs without putting them on PATH: Debian, the PostgreSQL project's own
// packages for Fedora and its kin, Homebrew in its three homes, Postgres.app, Windows.
const wellKnownFolders = [
  '/usr/lib/postgresql/*/bin',
  '/usr/pgsql-*/bin',
  '/opt/homebrew/opt/postgresql@*/bin',
  '/opt/homebrew/opt/libpq*/bin',
  '/usr/local/opt/postgresql@*/bin',
  '/usr/local/opt/libpq*/bin',
  '/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin',
  '/home/linuxbrew/.linuxbrew/opt/libpq*/bin',
  '/Applications/Postgres.app/Contents/Versions/*/bin',
  'C:/Program Files/PostgreSQL/*/bin',
];

const found = new Map<string, Promise<readonly Installation[]>>();

/**
 * Every installation of PostgreSQL programs on this machine, newest first. `PGBIN` (one folder, or
 * several as in PATH) replaces the search. The answer is kept for the life of the process.
 */
export function findInstallations(
  environment: NodeJS.ProcessEnv = process.env,
): Promise<readonly Installation[]> {
  const key = JSON.stringify([environment.PGBIN, environment.PATH]);
  const known = found.get(key) ?? search(environment);
  found.set(key, known);
  return known;
}

/**
 * The client programs for a server: of its own major version where there are some, else of the
 * nearest newer one. pg_dump refuses a server newer than itself (manual, pg_dump, Notes), and an
 * older pg_restore may not read a newer archive, so both come from the same folder.
 *
 * @param serverVersion `server_version_num`, such as 150018
 * @throws `postgres/no-client-programs`, `postgres/client-too-old`
 * @example
 * const clients = await clientFor(database.version);
 * await runOrFail(programPath(clients, 'pg_dump'), ['--version']);
 */
export async function clientFor(
  serverVersion: number,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Installation> {
  const clients = (await findInstallations(environment)).filter((each) => each.hasClients);
  const serverMajor = Math.floor(serverVersion / 10_000);
  const fit = nearest(clients, serverMajor);
  if (fit !== undefined) return fit;
  const newest = clients[0];
  if (newest === undefined) {
    throw new Failure({
      code: 'postgres/no-client-programs',
      message: `pg_dump and pg_restore were not found ${searchedIn(environment)}`,
      hint: `Install them with \`${installCommand('client')}\`, or set PGBIN to the folder that holds them.`,
    });
  }
  throw new Failure({
    code: 'postgres/client-too-old',
    message: `pg_dump ${newest.version} in ${newest.folder} is older than the server, which is PostgreSQL ${serverMajor}`,
    hint: `Install newer programs with \`${installCommand('client', serverMajor)}\`, or set PGBIN to the folder that holds them.`,
    details: { found: newest.version, folder: newest.folder, serverMajor },
  });
}

/** The first of exactly `major`, else of the nearest newer version; without a wish the first. */
export function nearest(
  installations: readonly Installation[],
  major?: number,
): Installation | undefined {
  if (major === undefined) return installations[0];
  return installations
    .filter((each) => each.major >= major)
    .toSorted((a, b) => a.major - b.major)
    .at(0);
}

/** The path of a program of an installation. */
export function programPath(installation: Pick<Installation, 'folder'>, program: Program): string {
  return pathIn(installation.folder, program);
}

/** The command that installs PostgreSQL programs on this kind of machine. */
export function installCommand(what: 'client' | 'server', major?: number): string {
  if (process.platform === 'darwin') {
    if (major !== undefined) return `brew install postgresql@${major}`;
    return what === 'client' ? 'brew install libpq' : 'brew install postgresql';
  }
  const name = what === 'client' ? 'postgresql-client' : 'postgresql';
  return `sudo apt-get install ${major === undefined ? name : `${name}-${major}`}`;
}

async function search(environment: NodeJS.ProcessEnv): Promise<readonly Installation[]> {
  const folders = new Set(await candidateFolders(environment));
  const inspected = await Promise.all([...folders].map(inspect));
  return inspected
    .filter((each) => each !== undefined)
    .sort((a, b) => b.version.localeCompare(a.version, 'en', { numeric: true }));
}

async function candidateFolders(environment: NodeJS.ProcessEnv): Promise<string[]> {
  const asPath = (text: string | undefined): string[] =>
    (text ?? '').split(delimiter).filter((folder) => folder !== '');
  const named =
    environment.PGBIN === undefined
      ? [
          ...(await configuredFolder(environment)),
          ...asPath(environment.PATH),
          ...(await Promise.all(wellKnownFolders.map(expand))).flat(),
        ]
      : asPath(environment.PGBIN);
  return (await Promise.all(named.map(realFolders))).flat();
}

// What `pg_config` of the PATH says, for installations in places of their own.
async function configuredFolder(environment: NodeJS.ProcessEnv): Promise<string[]> {
  try {
    const result = await run('pg_config', ['--bindir'], { env: environment });
    return result.exitCode === 0 ? [result.stdout.trim()] : [];
  } catch {
    return [];
  }
}

// A program on PATH may be a link to its real folder (/usr/local/bin/postgres) or to Debian's
// pg_wrapper, a script that chooses a version by rules of its own; the latter's folder holds no
// programs and so drops out.
async function realFolders(folder: string): Promise<string[]> {
  const folders = ['postgres', 'pg_dump'].map(async (program) => {
    const real = await realpath(pathIn(folder, program as Program)).catch(() => undefined);
    return real === undefined ? [] : [dirname(real)];
  });
  return (await Promise.all(folders)).flat();
}

async function inspect(folder: string): Promise<Installation | undefined> {
  const has = async (program: Program): Promise<boolean> =>
    await access(pathIn(folder, program), constants.X_OK).then(
      () => true,
      () => false,
    );
  const hasServer = (await has('postgres')) && (await has('initdb'));
  const hasClients = (await has('pg_dump')) && (await has('pg_restore'));
  if (!hasServer && !hasClients) return undefined;
  const version = await versionOf(pathIn(folder, hasServer ? 'postgres' : 'pg_dump'));
  if (version === undefined) return undefined;
  return { folder, major: Number.parseInt(version, 10), version, hasServer, hasClients };
}

/** The version that a PostgreSQL program tells; undefined when it cannot run here. */
export async function versionOf(
  program: string,
  options: RunOptions = {},
): Promise<string | undefined> {
  try {
    const result = await run(program, ['--version'], options);
    return /\(.*?\) (\d\S*)/.exec(result.stdout)?.[1];
  } catch {
    return undefined;
  }
}

// The folders that a pattern with one star in one of its parts stands for.
async function expand(pattern: string): Promise<string[]> {
  const [before = '', after = ''] = pattern.split('*');
  const parent = before.endsWith('/') ? before : dirname(before);
  const start = before.endsWith('/') ? '' : basename(before);
  const names = await readdir(parent).catch(() => []);
  return names.filter((name) => name.startsWith(start)).map((name) => join(parent, name, after));
}

function pathIn(folder: string, program: Program): string {
  return join(folder, process.platform === 'win32' ? `${program}.exe` : program);
}

function searchedIn(environment: NodeJS.ProcessEnv): string {
  return environment.PGBIN === undefined
    ? 'on PATH and in the usual folders'
    : `in ${environment.PGBIN} (PGBIN)`;
}
