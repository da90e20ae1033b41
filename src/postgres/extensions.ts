// Extensions that a server must have before a dump that mentions them can be loaded.

import { Failure } from '../core/failure.ts';
import type { Database } from './connect.ts';

// Loading their dumps takes steps between which pg_restore alone does not stop (the manuals of each:
// timescaledb_pre_restore; metadata of the nodes).
const withOwnProcedure = ['timescaledb', 'citus'];

/**
 * Refuses a server that lacks extensions of a dump, and a dump that pg_restore alone does not bring back.
 *
 * @throws `restore/missing-extensions`, `restore/needs-own-procedure`
 */
export async function refuseMissingExtensions(
  server: Database,
  extensions: readonly string[],
): Promise<void> {
  const special = extensions.filter((name) => withOwnProcedure.includes(name));
  if (special.length > 0) {
    throw new Failure({
      code: 'restore/needs-own-procedure',
      message: `a dump of a database with ${special.join(' and ')} is not brought back by pg_restore alone`,
      hint: 'Back it up by another program: `backups.engine` in the configuration names one, and `drydock backup --engine` asks it.',
      details: { extensions: special },
    });
  }
  const available = await server.query<{ name: string }>(
    'SELECT name FROM pg_available_extensions',
  );
  const known = new Set(available.map(({ name }) => name));
  const missing = extensions.filter((name) => !known.has(name));
  if (missing.length === 0) return;
  throw new Failure({
    code: 'restore/missing-extensions',
    message: `the server at ${server.address.host} lacks extensions of the backup: ${missing.join(', ')}`,
    hint: 'Install their packages on the machine of that server (for a proof: on this one), then type the same command again.',
    details: { missing },
  });
}
