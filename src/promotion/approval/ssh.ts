// Signatures with the ssh keys that people have anyway, by OpenSSH's own program (ssh-keygen(1), -Y).

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Failure, withCleanup } from '../../core/failure.ts';
import { run } from '../../core/process.ts';

/** A signature, whose it may be, and what it is for: one for another use is none here. */
export interface Signed {
  /** Armored. */
  readonly signature: string;
  /** File of allowed signers (ssh-keygen(1), ALLOWED SIGNERS). */
  readonly allowedSigners: string;
  readonly namespace: string;
}

/**
 * Signs a text with a key; a passphrase is asked for by ssh-agent or not at all.
 *
 * @throws `promotion/not-signed`
 */
export async function signText(
  text: string,
  { keyFile, namespace }: { readonly keyFile: string; readonly namespace: string },
): Promise<string> {
  const { exitCode, stdout, stderr } = await run(
    'ssh-keygen',
    ['-Y', 'sign', '-f', keyFile, '-n', namespace],
    { input: text },
  );
  if (exitCode === 0) return stdout;
  throw new Failure({
    code: 'promotion/not-signed',
    message: `ssh-keygen could not sign with ${keyFile}: ${stderr.trim()}`,
    hint: 'Name a key of yours: --key ~/.ssh/id_ed25519 (a public one when ssh-agent holds the private one).',
  });
}

/** The person who signed a text, by the name in the file of allowed signers; undefined when nobody there did. */
export async function signerOf(text: string, signed: Signed): Promise<string | undefined> {
  const { allowedSigners, namespace } = signed;
  return withSignature(signed, async (file) => {
    const signer = await principalOf(file, signed);
    if (signer === undefined) return undefined;
    const verified = await run(
      'ssh-keygen',
      ['-Y', 'verify', '-f', allowedSigners, '-I', signer, '-n', namespace, '-s', file],
      { input: text },
    );
    return verified.exitCode === 0 ? signer : undefined;
  });
}

/** True when the key that made a signature is one of the allowed ones, whatever it signed. */
export async function isByAllowedKey(signed: Signed): Promise<boolean> {
  return withSignature(signed, async (file) => (await principalOf(file, signed)) !== undefined);
}

async function principalOf(
  file: string,
  { allowedSigners, namespace }: Signed,
): Promise<string | undefined> {
  const found = await run('ssh-keygen', [
    ...['-Y', 'find-principals', '-f', allowedSigners, '-n', namespace, '-s', file],
  ]);
  const [signer = ''] = found.stdout.split('\n');
  return found.exitCode === 0 && signer !== '' ? signer : undefined;
}

async function withSignature<T>(
  { signature }: Signed,
  work: (file: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'drydock-signature-'));
  return withCleanup(
    async () => {
      const file = join(folder, 'text.sig');
      await writeFile(file, signature, { mode: 0o600 });
      return await work(file);
    },
    () => rm(folder, { recursive: true }),
  );
}
