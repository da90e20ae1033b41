// A server whose data and log lie in a folder that the test chooses, and which survives its own end.

import { chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type BackgroundProcess, startBackground } from '../src/core/process.ts';
import { Address } from '../src/postgres/address.ts';
import { connect } from '../src/postgres/connect.ts';
import { programPath } from '../src/postgres/programs.ts';
import { serverAccount } from '../src/sandbox/account.ts';
import { makeDataDirectory } from '../src/sandbox/data-directory.ts';
import { serverFor } from '../src/sandbox/server-programs.ts';

// Killed, it would leave its shared memory behind.
const graceMs = 5_000;

/** The server. */
export interface ServerOn {
  address(database: string): Address;
  /** Starts it again after it has ended. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Makes a server in a folder and starts it. */
export async function startServerOn(path: string): Promise<ServerOn> {
  const account = serverAccount();
  const installation = await serverFor();
  const folder = join(path, 'server');
  await mkdir(folder, { mode: 0o700 });
  if (account.uid !== undefined && account.gid !== undefined) {
    await chown(folder, account.uid, account.gid);
  }
  const env = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };
  const { signal } = new AbortController();
  await makeDataDirectory(folder, { installation, account, cache: undefined, env, signal });
  const address = (database: string): Address =>
    Address.parse(`postgres://postgres@localhost/${database}?host=${folder}`);
  const settings = {
    listen_addresses: '',
    unix_socket_directories: folder,
    max_wal_size: '4MB',
    min_wal_size: '2MB',
    shared_buffers: '8MB',
    max_connections: '20',
    dynamic_shared_memory_type: 'posix',
  };
  let running: BackgroundProcess | undefined;
  const launch = (): Promise<BackgroundProcess> =>
    startBackground(
      programPath(installation, 'postgres'),
      [
        '-D',
        join(folder, 'data'),
        ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      { ...account, cwd: folder, env },
    );
  const start = async (): Promise<void> => {
    await running?.stop(graceMs);
    while (!(await answers(address('postgres')))) {
      // Processes of a server that was killed live on for a moment, and keep the next one from starting.
      if (running === undefined || (await hasEnded(running))) running = await launch();
      await setTimeout(50);
    }
  };
  await start();
  return { address, start, stop: async () => running?.stop(graceMs) };
}

async function hasEnded(server: BackgroundProcess): Promise<boolean> {
  return Promise.race([server.ended.then(() => true), setTimeout(0, false)]);
}

async function answers(address: Address): Promise<boolean> {
  const database = await connect(address, { purpose: 'test' }).catch(() => undefined);
  await database?.close();
  return database !== undefined;
}
