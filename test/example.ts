// A working copy of the example, as a user makes one: a folder with git, packages and ports.

import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RunResult, run, runOrFail } from '../src/core/process.ts';
import { install } from '../src/history/install.ts';
import { recordStep } from '../src/history/ledger.ts';
import { readMigrations } from '../src/migration/file.ts';
import { connect } from '../src/postgres/connect.ts';
import { type TestDatabase, testDatabase } from './database.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
export const exampleFolder: string = join(root, 'examples', 'homework-helper');

/** A copy of the example with one environment, `production`. */
export interface ExampleCopy extends AsyncDisposable {
  /** The folder `backend` of the copy. */
  readonly folder: string;
  readonly address: string;
  readonly databaseUrl: string;
  /** Commits everything and returns the commit. */
  commit(message: string): Promise<string>;
  /** Runs a program in the folder, with the environment's variables. */
  run(program: string, args: readonly string[], variables?: NodeJS.ProcessEnv): Promise<RunResult>;
  /** Asks the application. */
  ask(path: string, put?: object): Promise<{ status: number; body: Record<string, unknown> }>;
}

/** Copies the example into a temporary folder; nothing is started yet. */
export async function exampleCopy(database: TestDatabase): Promise<ExampleCopy> {
  const copy = await mkdtemp(join(tmpdir(), 'homework-helper-'));
  await cp(exampleFolder, copy, { recursive: true });
  const folder = join(copy, 'backend');
  await linkPackages(folder);
  const port = await freePort();
  const address = `http://127.0.0.1:${port}`;
  const databaseUrl = database.address.connectionString();
  const environment = {
    ...process.env,
    PRODUCTION_DATABASE_URL: databaseUrl,
    PRODUCTION_PORT: String(port),
    DATABASE_URL: databaseUrl,
    DRYDOCK_RELEASE: '',
  };
  const git = (...args: string[]) =>
    runOrFail('git', ['-c', 'user.name=Test', '-c', 'user.email=test@example.com', ...args], {
      cwd: copy,
    });
  await git('init', '--quiet');
  const runHere: ExampleCopy['run'] = (program, args, variables = {}) =>
    run(program, args, { cwd: folder, env: { ...environment, ...variables } });
  return {
    folder,
    address,
    databaseUrl,
    run: runHere,
    commit: async (message) => {
      await git('add', '--all');
      await git('commit', '--quiet', '--message', message);
      return (await git('rev-parse', 'HEAD')).stdout.trim();
    },
    ask: async (path, put) => {
      const response = await fetch(`${address}${path}`, {
        headers: { connection: 'close' },
        ...(put === undefined ? {} : { method: 'PUT', body: JSON.stringify(put) }),
      });
      const text = await response.text();
      return { status: response.status, body: text === '' ? {} : JSON.parse(text) };
    },
    [Symbol.asyncDispose]: async () => {
      await runHere('./scripts/stop.sh', ['production']);
      await rm(copy, { recursive: true });
    },
  };
}

/** A database with the example's migrations up to a version, and the ledger that says so. */
export async function exampleDatabase(last: string, name?: string): Promise<TestDatabase> {
  const database = await testDatabase(name === undefined ? {} : { name });
  await using session = await connect(database.address, { purpose: 'test' });
  await install(session);
  for (const migration of await readMigrations(join(exampleFolder, 'backend', 'migrations'))) {
    if (migration.version > last) break;
    await session.execute(migration.sql);
    const { version, name, checksum } = migration;
    const written = { plan: '', appliedBy: 'test', durationMs: 1, backup: null };
    await recordStep(session, { version, name, checksum, stepsDone: 1, stepsTotal: 1, ...written });
  }
  return database;
}

// As after `npm install`, but with this package's source in place of its build.
async function linkPackages(folder: string): Promise<void> {
  const own = join(folder, 'node_modules', 'pg-drydock');
  await mkdir(own, { recursive: true });
  await symlink(join(root, 'src'), join(own, 'src'));
  const exports = { '.': './src/index.ts', './health': './src/health/detailed.ts' };
  await writeFile(join(own, 'package.json'), JSON.stringify({ type: 'module', exports }));
  for (const name of ['jiti', 'pg']) {
    await symlink(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  }
}

/** A port of this machine that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
