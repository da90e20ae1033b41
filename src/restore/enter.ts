// A session on a database that takes no connections: the broken one that a restore has put aside.

import { type Address, quoteIdentifier } from '../postgres/address.ts';
import { type ConnectOptions, connect, type Database } from '../postgres/connect.ts';

/**
 * Opens a session. The door is open only while it comes in: whoever is inside stays there when
 * connections are forbidden again.
 */
export async function enterClosed(
  address: Address,
  maintenance: Database,
  options: ConnectOptions,
): Promise<Database> {
  const name = quoteIdentifier(address.database);
  const [state] = await maintenance.query<{ open: boolean }>(
    'SELECT datallowconn AS open FROM pg_database WHERE datname = $1',
    [address.database],
  );
  if (state?.open === true) return await connect(address, options);
  await maintenance.execute(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
  try {
    return await connect(address, options);
  } finally {
    await maintenance.execute(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
  }
}
