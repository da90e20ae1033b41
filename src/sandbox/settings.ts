// How a throw-away server is set up: fast because its data may be lost, and closed to others.

import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What is set per server. */
export interface Setup {
  readonly folder: string;
  readonly purpose: string;
  readonly port: number;
  readonly tcp?: boolean;
  readonly maxConnections?: number;
  /** Settings that win over those below. */
  readonly settings?: Readonly<Record<string, string>>;
}

// `wal_level` keeps its default: `minimal` would be faster still, but then a table rewrite logs next
// to nothing, and a forecast of production's WAL made from it would be wrong.
const fastSettings: Readonly<Record<string, string>> = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  wal_init_zero: 'off',
  max_wal_size: '4GB',
  checkpoint_timeout: '1d',
  // Background work would disturb measured times, and compiling pays for long queries only.
  autovacuum: 'off',
  jit: 'off',
  // Shared memory of parallel workers goes to the data directory and so disappears with it.
  dynamic_shared_memory_type: 'mmap',
  password_encryption: 'scram-sha-256',
};

// The socket lies in a folder that only its owner enters. Any user of the machine reaches a port.
const access = `local all         all              trust
host  all         all 127.0.0.1/32 scram-sha-256
local replication all              trust
host  replication all 127.0.0.1/32 scram-sha-256
`;

/** Writes the configuration into a new data directory. */
export async function configure(data: string, setup: Setup): Promise<void> {
  const settings = {
    ...fastSettings,
    listen_addresses: setup.tcp === true ? '127.0.0.1' : '',
    port: String(setup.port),
    unix_socket_directories: setup.folder,
    max_connections: String(setup.maxConnections ?? 100),
    cluster_name: `drydock ${setup.purpose}`,
    ...setup.settings,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${quoted(value)}\n`);
  // In the file and not in arguments, so that ALTER SYSTEM can still change them.
  await appendFile(join(data, 'postgresql.conf'), lines.join(''));
  await writeFile(join(data, 'pg_hba.conf'), access);
}

// Manual, 20.1.2: a quote is doubled; a backslash starts an escape.
function quoted(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
