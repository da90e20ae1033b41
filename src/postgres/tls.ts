// Encryption as libpq documents it (manual, 34.19), for the wire protocol of node-postgres, which reads
// some of the same words in other ways.

import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { Failure } from '../core/failure.ts';

/** How a connection is encrypted: not at all, or as TLS is told to check. */
export type Encryption = false | ConnectionOptions;

/** The parameters of an address that speak of TLS. */
export interface TlsParameters {
  readonly sslmode: string | undefined;
  readonly sslrootcert: string | undefined;
  readonly sslcert: string | undefined;
  readonly sslkey: string | undefined;
}

const modes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'];

/**
 * What the parameters ask for.
 *
 * @throws `config/bad-tls` for an unknown mode, and a file that cannot be read
 */
export function encryptionOf(parameters: TlsParameters): Encryption {
  const { sslmode, sslrootcert, sslcert, sslkey } = parameters;
  const mode = sslmode ?? (sslrootcert === undefined ? 'disable' : 'verify-ca');
  if (!modes.includes(mode)) {
    throw badTls(`sslmode=${mode} is none of ${modes.join(', ')}`);
  }
  if (mode === 'disable' || mode === 'allow') return false;
  const root = rootCertificate(sslrootcert);
  // With a root certificate `require` checks the chain too, as libpq does for old programs' sake.
  const checksChain =
    mode.startsWith('verify-') || (mode === 'require' && sslrootcert !== undefined);
  if (mode === 'verify-ca' && root === undefined && sslrootcert !== 'system') {
    throw badTls('sslmode=verify-ca needs a root certificate: sslrootcert=/path/to/root.crt');
  }
  return {
    rejectUnauthorized: checksChain,
    ...(root === undefined ? {} : { ca: root }),
    ...(sslcert === undefined ? {} : { cert: fileOf('sslcert', sslcert) }),
    ...(sslkey === undefined ? {} : { key: fileOf('sslkey', sslkey) }),
    // Only verify-full asks whose certificate it is.
    ...(mode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
  };
}

function rootCertificate(named: string | undefined): string | undefined {
  if (named === 'system') return undefined;
  if (named !== undefined) return fileOf('sslrootcert', named);
  const usual = join(homedir(), '.postgresql', 'root.crt');
  return existsSync(usual) ? fileOf('sslrootcert', usual) : undefined;
}

function fileOf(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw badTls(`${name}=${path} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
}

function badTls(message: string): Failure {
  return new Failure({
    code: 'config/bad-tls',
    message,
    hint: 'Correct the parameters behind the ? of the address, for example: ?sslmode=verify-full&sslrootcert=/path/to/root.crt',
  });
}
