// The schema of a live database as an archive, without a row. The transaction of pg_dump is READ ONLY by
// itself (pg_dump.c, setup_connection); asked for in PGOPTIONS too, pgbouncer would refuse the connection.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runOrFail } from '../core/process.ts';
import type { Address } from './address.ts';
import { type Archive, clientEnvironment } from './archive.ts';
import { clientFor, programPath } from './programs.ts';

/** Dumps the schema, Drydock's own left out; disposing of the archive removes it. */
export async function dumpSchema(
  address: Address,
  serverVersion: number,
  signal: AbortSignal,
): Promise<Pick<Archive, 'path' | 'dumpMajor'> & AsyncDisposable> {
  const clients = await clientFor(serverVersion);
  const folder = await mkdtemp(join(tmpdir(), 'drydock-schema-'));
  const path = join(folder, 'schema.dump');
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const args = [
    '--schema-only',
    '--exclude-schema=drydock',
    '--format=custom',
    '--lock-wait-timeout=5s',
    '--no-password',
  ];
  const where = [`--file=${path}`, `--dbname=${address.toolArgument()}`];
  try {
    await runOrFail(programPath(clients, 'pg_dump'), [...args, ...where], {
      env: clientEnvironment(address),
      signal,
      secrets: address.secrets(),
    });
  } catch (failure) {
    await remove();
    throw failure;
  }
  return { path, dumpMajor: clients.major, [Symbol.asyncDispose]: remove };
}
