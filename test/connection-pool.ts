// pgbouncer in front of the run's server, on a port of its own, until the test has ended.

import { spawn, spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Address } from '../src/postgres/address.ts';

const program: string | undefined = ['pgbouncer', '/usr/sbin/pgbouncer'].find(
  (candidate) => spawnSync(candidate, ['--version']).status === 0,
);

/** Whether this machine has pgbouncer. */
export const hasPgbouncer: boolean = program !== undefined;

/** A pool and its address. */
export interface ConnectionPool extends AsyncDisposable {
  readonly address: Address;
}

/** Starts pgbouncer before the database of `address`; sessions belong to what `mode` says. */
export async function startPool(
  address: Address,
  mode: 'session' | 'transaction',
  poolSize = 5,
): Promise<ConnectionPool> {
  const folder = await mkdtemp(join(tmpdir(), 'drydock-pool-'));
  const port = await freePort();
  const file = join(folder, 'pgbouncer.ini');
  await writeFile(
    file,
    `[databases]
* = host=${address.host} port=${address.port} user=${address.user} password=${address.toolEnvironment().PGPASSWORD}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
admin_users = ${address.user}
pool_mode = ${mode}
default_pool_size = ${poolSize}
`,
  );
  // pgbouncer refuses to be root, and its user must reach the file.
  await chmod(folder, 0o755);
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  const child = spawn(program ?? '', [...user, file], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  await new Promise<void>((resolve, reject) => {
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes('process up')) resolve();
    });
    child.once('close', () => reject(new Error(`pgbouncer ended: ${said}`)));
  });
  return {
    address: Address.parse(`postgresql://${address.user}@127.0.0.1:${port}/${address.database}`),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
