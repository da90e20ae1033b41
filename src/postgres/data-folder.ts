// Where a server keeps its data, where that can be seen from here.

import type { Database } from './connect.ts';

/** The folder of the server's data: of a server on this machine, for a role that may read its settings. */
export async function dataFolder(server: Database): Promise<string | undefined> {
  const { host } = server.address;
  if (!host.startsWith('/') && !['localhost', '127.0.0.1', '::1'].includes(host)) return undefined;
  const [row] = await server.query<{ folder: string }>(
    `SELECT setting AS folder FROM pg_settings WHERE name = 'data_directory'`,
  );
  return row?.folder;
}
