// Approvals signed with the ssh keys that people have anyway, by OpenSSH's own program (ssh-keygen(1), -Y).

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Failure, withCleanup } from '../../core/failure.ts';
import { run } from '../../core/process.ts';

// Ties a signature to this use: one made for git, or for anything else, is none here.
const namespace = 'approval@drydock';

/**
 * Signs a text with a key; a passphrase is asked for by ssh-agent or not at all.
 *
 * @throws `promotion/not-signed`
 */
export async function signText(text: string, keyFile: string): Promise<string> {
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
export async function signerOf(
  text: string,
  signature: string,
  allowedSigners: string,
): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'drydock-signature-'));
  return withCleanup(
    async () => {
      const file = join(folder, 'approval.sig');
      await writeFile(file, signature, { mode: 0o600 });
      const found = await run('ssh-keygen', [
        ...['-Y', 'find-principals', '-f', allowedSigners, '-n', namespace, '-s', file],
      ]);
      const [signer = ''] = found.stdout.split('\n');
      if (found.exitCode !== 0 || signer === '') return undefined;
      const verified = await run(
        'ssh-keygen',
        ['-Y', 'verify', '-f', allowedSigners, '-I', signer, '-n', namespace, '-s', file],
        { input: text },
      );
      return verified.exitCode === 0 ? signer : undefined;
    },
    () => rm(folder, { recursive: true }),
  );
}
