// What a dump lacks, as SQL beside it: the roles of the server, without passwords, and the database
// itself with its settings. Together with the dump it is enough for psql and pg_restore alone.

import { readFile, rm, writeFile } from 'node:fs/promises';
import type { Context } from '../core/context.ts';
import { sha256 } from '../core/digest.ts';
import { messageOf } from '../core/failure.ts';
import { runOrFail } from '../core/process.ts';
import type { Address } from '../postgres/address.ts';
import { clientEnvironment } from '../postgres/archive.ts';
import { databaseScript } from '../postgres/database-properties.ts';
import { type Installation, programPath } from '../postgres/programs.ts';
import type { BackupSource } from './manifest.ts';

/** What is written, and where. */
export interface GlobalsOptions {
  readonly clients: Installation;
  readonly address: Address;
  readonly source: BackupSource;
  readonly file: string;
}

/**
 * Writes the file and returns its digest; null, with a note, where this role may not read the roles.
 * A restore on the same server does not need it, so that is no reason to have no backup.
 */
export async function writeGlobals(
  context: Context,
  { clients, address, source, file }: GlobalsOptions,
): Promise<string | null> {
  try {
    await writeFile(file, '', { mode: 0o600 });
    await runOrFail(
      programPath(clients, 'pg_dumpall'),
      [
        '--globals-only',
        '--no-role-passwords',
        '--no-password',
        `--file=${file}`,
        `--database=${address.database}`,
        `--dbname=${address.toolArgument()}`,
      ],
      { env: clientEnvironment(address), signal: context.signal, secrets: address.secrets() },
    );
  } catch (failure) {
    await rm(file, { force: true });
    if (context.signal.aborted) throw failure;
    const text = `The roles of the server are not beside the backup: ${messageOf(failure)}.`;
    context.emit({ kind: 'note', text });
    return null;
  }
  const script = databaseScript(source.database, source.properties, source.serverVersion);
  const roles = await readFile(file, 'utf8');
  const content = `${roles}\n--\n-- The database itself\n--\n\n${script}`;
  await writeFile(file, content, { flush: true });
  return sha256(content);
}
