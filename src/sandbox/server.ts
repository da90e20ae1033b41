// A throw-away PostgreSQL server: its own data, its own folder, reachable by a Unix socket alone
// unless asked otherwise, and gone with the process that started it.

import { randomBytes } from 'node:crypto';
import { type AddressInfo, createServer } from 'node:net';
import { type Context, throwIfInterrupted } from '../core/context.ts';
import { Failure } from '../core/failure.ts';
import { Address, quoteLiteral } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';
import type { Installation } from '../postgres/programs.ts';
import { type ServerAccount, serverAccount } from './account.ts';
import { cacheFolder } from './cache.ts';
import { makeDataDirectory } from './data-directory.ts';
import { makeFolder, removeFolder } from './folder.ts';
import { markKept } from './kept.ts';
import { launch, type ServerProcess } from './launch.ts';
import { serverFor } from './server-programs.ts';
import { settingArguments } from './settings.ts';
import { sweepLeftovers } from './sweep.ts';

/** What a throw-away server is for, and what it must be able to do. */
export interface ServerOptions {
  /** Shown in the process list, such as `rehearsal`. */
  readonly purpose: string;
  /** Wanted major version; without it the newest on the machine. */
  readonly major?: number;
  /** Size of the data that the server will hold: it decides between memory and disk. */
  readonly sizeBytes?: number;
  /** Server settings beside (or in place of) Drydock's own. They are shown in the process list: no secrets. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly maxConnections?: number;
  /** Listens on a free port of 127.0.0.1 too. Other users of the machine reach that, so it wants a password. */
  readonly tcp?: boolean;
  /** The superuser's password over TCP; a random one if left out. */
  readonly password?: string;
}

/** A running throw-away server. */
export interface SandboxServer extends AsyncDisposable {
  readonly major: number;
  readonly place: 'memory' | 'disk';
  /** Holds the data directory, the socket and the log; removed by {@link SandboxServer.stop}. */
  readonly folder: string;
  /** The address of one of its databases, as superuser: over TCP where that was asked for. */
  address(database: string): Address;
  /** Ends the server at once and removes its folder. */
  stop(): Promise<void>;
  /** Lets it run on for a day, beyond the end of this process: see {@link markKept}. */
  keep(): Promise<void>;
}

/**
 * Starts a throw-away server. It ends by {@link SandboxServer.stop}, by the context's signal, and
 * when this process ends, however it ends.
 *
 * @throws `sandbox/no-server-programs`, `sandbox/no-space`, `sandbox/no-account`, `sandbox/not-started`
 * @example
 * await using server = await startServer(context, { purpose: 'rehearsal', major: 15 });
 * await using database = await connect(server.address('postgres'), { purpose: 'rehearsal' });
 */
export async function startServer(
  context: Context,
  options: ServerOptions,
): Promise<SandboxServer> {
  const account = serverAccount();
  const installation = await serverFor(options.major);
  await sweepLeftovers(account);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(context, options, { account, installation });
    } catch (failure) {
      const portTaken = failure instanceof Failure && failure.details.portTaken === true;
      if (!portTaken || attempt === 5) throw failure;
    }
  }
}

async function start(
  context: Context,
  options: ServerOptions,
  means: { account: ServerAccount; installation: Installation },
): Promise<SandboxServer> {
  const { signal } = context;
  const { account, installation } = means;
  throwIfInterrupted(signal);
  const { path: folder, inMemory } = await makeFolder(account, options.sizeBytes ?? 0);
  let stop = (): Promise<void> => removeFolder(folder, account);
  try {
    const env = serverEnvironment();
    const cache = await cacheFolder('data', account);
    await makeDataDirectory(folder, { installation, account, cache, env, signal });
    const port = options.tcp === true ? await freePort() : 5432;
    const settings = settingArguments({ ...options, folder, port });
    const server = await launch({ installation, folder, settings, account, env });
    stop = stopOnce(server, signal);
    const socket = socketAddress(folder, port);
    const door = options.tcp === true ? await openPort(socket, port, options.password) : socket;
    throwIfInterrupted(signal);
    return {
      major: installation.major,
      place: inMemory ? 'memory' : 'disk',
      folder,
      address: (database) => door.withDatabase(database),
      stop,
      keep: async () => {
        throwIfInterrupted(signal);
        await markKept(folder);
        await server.keep();
      },
      [Symbol.asyncDispose]: stop,
    };
  } catch (failure) {
    await stop();
    throw failure;
  }
}

// Whoever stops it first (the caller, Ctrl-C) does it; the others wait for the same end.
function stopOnce(server: ServerProcess, signal: AbortSignal): () => Promise<void> {
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    signal.removeEventListener('abort', onAbort);
    stopping ??= server.stop();
    return stopping;
  };
  const onAbort = (): void => void stop();
  signal.addEventListener('abort', onAbort, { once: true });
  return stop;
}

// Programs of the server get nothing from this process that could lead them elsewhere (PGDATA,
// PGOPTIONS), and speak the same language and live in the same time zone on every machine.
function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };
}

function socketAddress(folder: string, port: number): Address {
  const parameters = new URLSearchParams({ host: folder, port: String(port), user: 'postgres' });
  return Address.parse(`postgresql:///postgres?${parameters.toString()}`, {});
}

// Gives the superuser its password, which the socket does not ask for and the port does.
async function openPort(socket: Address, port: number, password?: string): Promise<Address> {
  const secret = password ?? randomBytes(16).toString('hex');
  await using database = await connect(socket, { purpose: 'sandbox' });
  await database.execute(`ALTER ROLE postgres PASSWORD ${quoteLiteral(secret)}`);
  return Address.parse(
    `postgresql://postgres:${encodeURIComponent(secret)}@127.0.0.1:${port}/postgres`,
    {},
  );
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
