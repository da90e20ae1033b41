// A dump file: whether it is still the file it was, and how it becomes a database again.

import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Context } from '../core/context.ts';
import { sha256OfFile } from '../core/digest.ts';
import { formatBytes } from '../core/duration.ts';
import { Failure } from '../core/failure.ts';
import { redact, run } from '../core/process.ts';
import type { Address } from './address.ts';
import { clientFor, programPath } from './programs.ts';

/** A dump file as it was when it was made. */
export interface Archive {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Major version of the pg_dump that wrote it. */
  readonly dumpMajor: number;
}

/**
 * Reads the whole file and compares it with what it was. `pg_restore --list` is no such check: it
 * succeeds on a truncated and on a bit-flipped archive.
 *
 * @throws `backup/file-missing`, `backup/file-changed`
 */
export async function verifyArchive(archive: Archive): Promise<void> {
  const found = await stat(archive.path).catch(() => undefined);
  if (found === undefined) {
    throw new Failure({
      code: 'backup/file-missing',
      message: `there is no file ${archive.path}`,
      hint: 'Choose another backup: `drydock backups` lists them.',
    });
  }
  const reason =
    found.size === archive.sizeBytes
      ? (await sha256OfFile(archive.path)) === archive.sha256
        ? undefined
        : 'its content is different'
      : `it has ${formatBytes(found.size)} instead of ${formatBytes(archive.sizeBytes)}`;
  if (reason === undefined) return;
  throw new Failure({
    code: 'backup/file-changed',
    message: `the file ${archive.path} is not the one that was written: ${reason}`,
    hint: 'Choose another backup (`drydock backups` lists them), or bring this file back from a copy.',
    details: { file: archive.path, sizeBytes: found.size, expectedBytes: archive.sizeBytes },
  });
}

/** How an archive is loaded. */
export interface LoadOptions {
  readonly archive: Archive;
  /** An empty database, made from template0. */
  readonly into: Address;
  /** `server_version_num` of its server. */
  readonly serverVersion: number;
  /** Tables and indexes that are loaded side by side. */
  readonly jobs: number;
  /** Keeps the tablespaces of the original: only where they exist. */
  readonly keepTablespaces: boolean;
  /** Told the number of tables loaded so far. */
  readonly onTable: (loaded: number) => void;
}

/**
 * Loads a dump file into an empty database, and stops at the first error.
 *
 * @throws `archive/load-failed` with what pg_restore said
 */
export async function loadArchive(context: Context, options: LoadOptions): Promise<void> {
  const { archive, into } = options;
  // An older pg_restore may not read what a newer pg_dump wrote.
  const clients = await clientFor(Math.max(options.serverVersion, archive.dumpMajor * 10_000));
  // From 17 on pg_restore sets transaction_timeout first, which older servers do not know: it must
  // go on after that one error, so there every error is looked at instead.
  const setsUnknown = clients.major >= 17 && options.serverVersion < 170_000;
  let loaded = 0;
  const result = await run(
    programPath(clients, 'pg_restore'),
    [
      ...(setsUnknown ? [] : ['--exit-on-error']),
      '--verbose',
      '--no-password',
      // A restored subscription that is enabled would take over the slot of the original.
      '--no-subscriptions',
      ...(options.keepTablespaces ? [] : ['--no-tablespaces']),
      `--jobs=${options.jobs}`,
      `--dbname=${into.toolArgument()}`,
      archive.path,
    ],
    {
      env: clientEnvironment(into),
      signal: context.signal,
      secrets: into.secrets(),
      onErrorLine: (line) => {
        if (!line.includes('finished item') || !line.includes(' TABLE DATA ')) return;
        loaded += 1;
        options.onTable(loaded);
      },
    },
  );
  const all = redact(complaints(result.stderr, 'pg_restore'), into.secrets());
  const said = setsUnknown ? all.replaceAll(unknownTimeout, '').trim() : all;
  if (said === '' && (result.exitCode === 0 || (setsUnknown && all !== ''))) return;
  throw new Failure({
    code: 'archive/load-failed',
    message: `pg_restore could not load ${basename(archive.path)} into ${into.database}: ${said.slice(0, 2_000) || `it ended with status ${result.exitCode}`}`,
    hint: 'Remove the cause that pg_restore names, then type the same command again.',
    details: { exitCode: result.exitCode, said: said.slice(0, 2_000) },
  });
}

const unknownTimeout =
  /could not execute query: ERROR: +unrecognized configuration parameter "transaction_timeout"\nCommand was: SET transaction_timeout = 0;\n*/g;

/** The environment of a client program: the password, and messages in the language we read. */
export function clientEnvironment(address: Address): NodeJS.ProcessEnv {
  return { ...process.env, ...address.toolEnvironment(), LC_ALL: 'C' };
}

/** What a client program said about errors, without the progress it tells on the same stream. */
export function complaints(stderr: string, program: 'pg_dump' | 'pg_restore'): string {
  // A message begins with the program's name and may go on for lines without it.
  const messages = stderr.split(new RegExp(`^(?=${program}: )`, 'm'));
  if (!messages.some((message) => message.startsWith(`${program}: error:`))) return '';
  return messages
    .filter((message) => /^\w+: (error|detail|hint):/.test(message))
    .join('')
    .replaceAll(`${program}: error: `, '')
    .trim();
}
