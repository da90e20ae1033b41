// A server with a streaming replica, for what an apply owes to those who read there.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { quietContext } from '../src/core/context.ts';
import { runOrFail, startBackground } from '../src/core/process.ts';
import { Address } from '../src/postgres/address.ts';
import { connect } from '../src/postgres/connect.ts';
import { programPath } from '../src/postgres/programs.ts';
import { serverAccount } from '../src/sandbox/account.ts';
import { makeFolder, removeFolder } from '../src/sandbox/folder.ts';
import { startServer } from '../src/sandbox/server.ts';
import { serverFor } from '../src/sandbox/server-programs.ts';

/** Both servers. */
export interface Pair {
  primary(database: string): Address;
  standby(database: string): Address;
  stop(): Promise<void>;
}

/** Starts a server, copies it, and lets the copy follow. */
export async function startPair(): Promise<Pair> {
  const primary = await startServer(quietContext(), {
    purpose: 'tests',
    settings: { wal_level: 'replica', max_wal_senders: '4' },
  });
  const account = serverAccount();
  const installation = await serverFor(primary.major);
  const { path: folder } = await makeFolder(account, 0);
  const data = join(folder, 'data');
  await rm(data, { recursive: true, force: true });
  const env = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };
  const options = { ...account, cwd: folder, env };
  await runOrFail(
    join(installation.folder, 'pg_basebackup'),
    ['-h', primary.folder, '-U', 'postgres', '-D', data, '-R', '-X', 'stream', '-c', 'fast'],
    options,
  );
  const settings = {
    listen_addresses: '',
    unix_socket_directories: folder,
    // In the folder, and gone with it: a server that is killed leaves it behind.
    dynamic_shared_memory_type: 'mmap',
  };
  const standby = await startBackground(
    programPath(installation, 'postgres'),
    [
      '-D',
      data,
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    options,
  );
  const address = (database: string): Address =>
    Address.parse(`postgres://postgres@localhost/${database}?host=${folder}`);
  while (!(await follows(primary.address('postgres')))) await setTimeout(20);
  return {
    primary: (database) => primary.address(database),
    standby: address,
    stop: async () => {
      await standby.stop(0);
      await removeFolder(folder, account);
      await primary.stop();
    },
  };
}

async function follows(primary: Address): Promise<boolean> {
  await using database = await connect(primary, { purpose: 'test' });
  const streaming = "SELECT FROM pg_stat_replication WHERE state = 'streaming'";
  return (await database.query(streaming)).length > 0;
}
