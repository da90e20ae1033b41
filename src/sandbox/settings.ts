// How a throw-away server is set up: fast because its data may be lost, and closed to others.

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

/** The settings of a server as arguments of `postgres`. */
export function settingArguments(setup: Setup): string[] {
  const settings = {
    ...fastSettings,
    listen_addresses: setup.tcp === true ? '127.0.0.1' : '',
    port: String(setup.port),
    unix_socket_directories: setup.folder,
    max_connections: String(setup.maxConnections ?? 100),
    cluster_name: `drydock ${setup.purpose}`,
    ...setup.settings,
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}
