// Where the crash suite plays: a server that can be killed and started again on the same data, a way to
// it that can be cut, and an apply in a process of its own.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import {
  type AddressInfo,
  createConnection,
  createServer,
  type Server,
  type Socket,
} from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Transform } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { build } from 'esbuild';
import { type BackgroundProcess, startBackground } from '../src/core/process.ts';
import { Address } from '../src/postgres/address.ts';
import { connect } from '../src/postgres/connect.ts';
import { programPath } from '../src/postgres/programs.ts';
import { serverAccount } from '../src/sandbox/account.ts';
import { cacheFolder } from '../src/sandbox/cache.ts';
import { makeDataDirectory } from '../src/sandbox/data-directory.ts';
import { makeFolder, removeFolder } from '../src/sandbox/folder.ts';
import { serverFor } from '../src/sandbox/server-programs.ts';

/** A server whose processes may be killed. */
export interface MortalServer {
  readonly socketFolder: string;
  address(database: string): Address;
  /** `kill -9` of the server and everything that it started, then a start on the same data. */
  killAndStart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a server on a Unix socket. */
export async function startMortalServer(): Promise<MortalServer> {
  const account = serverAccount();
  const installation = await serverFor();
  const { path: folder } = await makeFolder(account, 0);
  const cache = await cacheFolder('data', account);
  const { signal } = new AbortController();
  const env = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };
  await makeDataDirectory(folder, { installation, account, cache, env, signal });
  const data = join(folder, 'data');
  const settings = Object.entries({
    listen_addresses: '',
    unix_socket_directories: folder,
    // What a power cut would take is not the question: the kernel lives on.
    fsync: 'off',
    full_page_writes: 'off',
    autovacuum: 'off',
    // In the folder, and gone with it: a server that is killed leaves it behind.
    dynamic_shared_memory_type: 'mmap',
    max_connections: '50',
  }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  let postmaster: BackgroundProcess;
  const start = async (): Promise<void> => {
    postmaster = await startBackground(
      programPath(installation, 'postgres'),
      ['-D', data, ...settings],
      { ...account, cwd: folder, env },
    );
    while (!(await isReady(data))) await setTimeout(5);
  };
  const killAll = async (): Promise<void> => {
    // Stopped, it has no new child that would outlive it and keep its memory: no start on the same data then.
    process.kill(postmaster.pid, 'SIGSTOP');
    const children = await childrenOf(postmaster.pid);
    for (const pid of [postmaster.pid, ...children]) kill(pid);
    await postmaster.ended.catch(() => 0);
    for (const pid of children) while (await isAlive(pid)) await setTimeout(2);
    await rm(join(data, 'postmaster.pid'), { force: true });
  };
  await start();
  return {
    socketFolder: folder,
    address: (database) =>
      Address.parse(`postgres://postgres@localhost/${database}?host=${folder}`),
    killAndStart: async () => {
      await killAll();
      await start();
    },
    stop: async () => {
      await killAll();
      await removeFolder(folder, account);
    },
  };
}

async function isReady(data: string): Promise<boolean> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '');
  return text.split('\n')[7]?.trim() === 'ready';
}

async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && stat.split(') ')[1]?.[0] !== 'Z';
}

async function childrenOf(parent: number): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
      return Number(stat.split(') ')[1]?.split(' ')[1]);
    }),
  );
  return pids.filter((_, index) => parents[index] === parent);
}

/** `kill -9`; nothing when it has ended already. */
export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

/** A way to a server that can be cut: `cut` breaks every connection, and lets none through meanwhile. */
export interface Wire {
  readonly port: number;
  /** How often somebody asked something and waited for the answer. */
  trips(): number;
  cut(): void;
  /** Nothing arrives any more, and nobody is told: connections stay open. */
  fallSilent(): void;
  mend(): void;
  close(): Promise<void>;
}

/**
 * Opens a port of this machine that leads to a server: to its socket, or to another port. Answers take
 * their time on the way, where `delayMs` says so.
 */
export async function openWire(to: string | number, delayMs = 0): Promise<Wire> {
  const pairs = new Set<Socket>();
  let trips = 0;
  let state: 'whole' | 'cut' | 'silent' = 'whole';
  const server: Server = createServer((near) => {
    if (state === 'cut') near.destroy();
    if (state === 'silent') pairs.add(near);
    if (state !== 'whole') return;
    const far = typeof to === 'string' ? createConnection(to) : createConnection(to, '127.0.0.1');
    let isAsked = false;
    near.on('data', () => {
      if (!isAsked) trips += 1;
      isAsked = true;
    });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      pairs.add(one);
      one.on('error', () => {});
      one.on('close', () => {
        pairs.delete(one);
        other.destroy();
      });
    }
    const slowly = new Transform({
      transform: (chunk, _, done) => {
        void setTimeout(delayMs).then(() => {
          isAsked = false;
          done(null, chunk);
        });
      },
    });
    near.pipe(far);
    if (delayMs === 0) far.pipe(near);
    else far.pipe(slowly).pipe(near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    state = 'cut';
    for (const each of pairs) each.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    trips: () => trips,
    cut,
    fallSilent: () => {
      state = 'silent';
      for (const each of pairs) each.unpipe();
    },
    mend: () => {
      state = 'whole';
    },
    close: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The outcome that an apply told. */
export interface Outcome {
  readonly code: string;
  readonly message?: string;
  readonly databaseState?: string;
  readonly stateDetail?: string;
}

/** The built program of `fixtures/apply.ts`. */
export interface ApplyProgram {
  /**
   * Applies; calls `onEvent` for every line that it tells, with its number and its process id. The
   * outcome is undefined when it was killed.
   */
  run(
    uri: string,
    migrations: string,
    onEvent?: (number: number, pid: number, text: string) => void,
  ): Promise<{ readonly events: number; readonly outcome: Outcome | undefined }>;
  remove(): Promise<void>;
}

/** Builds the program. */
export async function buildApplyProgram(): Promise<ApplyProgram> {
  // Inside the project, so that its packages are found.
  const folder = await mkdtemp(join(import.meta.dirname, '..', 'node_modules', '.crash-'));
  const script = join(folder, 'apply.mjs');
  await build({
    entryPoints: [join(import.meta.dirname, 'fixtures', 'apply.ts')],
    outfile: script,
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    loader: { '.sql': 'text', '.sh': 'text', '.txt': 'text' },
  });
  return {
    run: async (uri, migrations, onEvent = () => {}) => {
      const child = spawn(process.execPath, [script, uri, migrations], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let events = 0;
      let outcome: Outcome | undefined;
      createInterface({ input: child.stdout }).on('line', (line) => {
        const told = JSON.parse(line) as { kind: string; text?: string };
        if (told.kind === 'outcome') outcome = told as unknown as Outcome;
        events += 1;
        onEvent(events, child.pid ?? 0, told.text ?? told.kind);
      });
      await once(child, 'close');
      return { events, outcome };
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Runs SQL on a database, and tries again while its server recovers. */
export async function ask<Row extends object>(address: Address, sql: string): Promise<Row[]> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await using database = await connect(address, { purpose: 'test' });
      return await database.query<Row>(sql);
    } catch (failure) {
      if (attempt === 200) throw failure;
      await setTimeout(25);
    }
  }
}
