// Encryption in the age format (age-encryption.org/v1), so that a backup opens without Drydock:
// `age --decrypt --identity key.txt backup.dump.age | pg_restore`. By the `age` program where there is
// one (ten times as fast), else by its author's library.

import { createReadStream, createWriteStream } from 'node:fs';
import { open, readFile, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { throwIfInterrupted } from '../../core/context.ts';
import { Failure, messageOf } from '../../core/failure.ts';
import { run } from '../../core/process.ts';

/** How files are encrypted and decrypted here. */
export interface AgeOptions {
  readonly signal: AbortSignal;
  /** The program; null takes the library. `age` if left out, and the library where it is not installed. */
  readonly program?: string | null;
}

/** What is encrypted, and for whom. */
export interface Encrypting extends AgeOptions {
  readonly from: string;
  readonly to: string;
  /** Public keys: `age1…`; with the program `ssh-ed25519 …` too. */
  readonly recipients: readonly string[];
}

/** What is decrypted, and with which key. */
export interface Decrypting extends AgeOptions {
  readonly from: string;
  /** Null looks only whether all of it can be decrypted. */
  readonly to: string | null;
  /** A file of private keys, as age-keygen writes it. */
  readonly identityFile: string;
}

/**
 * Encrypts a file for everybody in `recipients`. A failure leaves nothing at `to`.
 *
 * @throws `encryption/failed`
 */
export async function encryptFile(options: Encrypting): Promise<void> {
  const { from, to, recipients } = options;
  const names = recipients.flatMap((recipient) => ['--recipient', recipient]);
  await produce(options, to, {
    args: ['--encrypt', ...names],
    transform: async () => {
      const { Encrypter } = await import('age-encryption');
      const encrypter = new Encrypter();
      for (const recipient of recipients) encrypter.addRecipient(recipient);
      return await encrypter.encrypt(streamOf(from));
    },
    failure: (said) =>
      new Failure({
        code: 'encryption/failed',
        message: `cannot encrypt ${basename(from)}: ${said}`,
        hint: 'Look at encryptTo in the configuration: each is a public key as `age-keygen -y key.txt` prints it.',
      }),
  });
}

/**
 * Decrypts a file: all of it, as it was when it was encrypted, or nothing. A failure leaves nothing
 * at `to`.
 *
 * @throws `encryption/no-key`, `encryption/wrong-key`, `encryption/failed`
 */
export async function decryptFile(options: Decrypting): Promise<void> {
  const { from, to, identityFile } = options;
  const identities = await readIdentities(identityFile);
  await produce(options, to, {
    args: ['--decrypt', '--identity', identityFile],
    transform: async () => {
      const { Decrypter } = await import('age-encryption');
      const decrypter = new Decrypter();
      for (const identity of identities) decrypter.addIdentity(identity);
      return await decrypter.decrypt(streamOf(from));
    },
    failure: (said) =>
      /no identity matched/.test(said)
        ? new Failure({
            code: 'encryption/wrong-key',
            message: `${basename(from)} was encrypted for other keys than those in ${identityFile}`,
            hint: 'Name the file with the right private key as `identity` of the backups in the configuration, or in DRYDOCK_AGE_IDENTITY.',
          })
        : new Failure({
            code: 'encryption/failed',
            message: `cannot decrypt ${basename(from)}: ${said}`,
            hint: 'Choose another backup: `drydock backups` lists them.',
          }),
  });
}

interface Production {
  readonly args: readonly string[];
  readonly transform: () => Promise<ReadableStream<Uint8Array>>;
  readonly failure: (said: string) => Failure;
}

async function produce(
  { from, signal, program = 'age' }: AgeOptions & { readonly from: string },
  to: string | null,
  { args, transform, failure }: Production,
): Promise<void> {
  // Made here with its mode: age would make it readable for others, and none for an empty content.
  if (to !== null) await (await open(to, 'wx', 0o600)).close();
  try {
    const output = to ?? '/dev/null';
    const said =
      (program === null
        ? undefined
        : await byProgram(program, [...args, '--output', output, from], signal)) ??
      (await byLibrary(transform, { to, signal }));
    if (said !== '') throw failure(said);
  } catch (error) {
    if (to !== null) await rm(to, { force: true });
    throw error;
  }
}

// What it said when it failed, nothing when it did not; undefined when there is no such program.
async function byProgram(
  program: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const { exitCode, stderr } = await run(program, args, { signal });
    if (exitCode === 0) return '';
    const [, said] = /^age: error: (.*)$/m.exec(stderr) ?? [];
    return said ?? `age ended with status ${exitCode}`;
  } catch (error) {
    if (error instanceof Failure && error.code === 'process/not-found') return undefined;
    throw error;
  }
}

async function byLibrary(
  transform: () => Promise<ReadableStream<Uint8Array>>,
  { to, signal }: { to: string | null; signal: AbortSignal },
): Promise<string> {
  try {
    const sink = to === null ? nowhere() : createWriteStream(to, { flags: 'r+' });
    await pipeline(Readable.fromWeb((await transform()) as never), sink, { signal });
    return '';
  } catch (error) {
    throwIfInterrupted(signal);
    return messageOf(error);
  }
}

function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}

function streamOf(path: string): ReadableStream<Uint8Array> {
  return Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>;
}

async function readIdentities(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Failure({
      code: 'encryption/no-key',
      message: `cannot read the private key in ${file}: ${error.code}`,
      hint: 'Name the file with the private key as `identity` of the backups in the configuration, or in DRYDOCK_AGE_IDENTITY.',
    });
  });
  return text.split('\n').filter((line) => line.startsWith('AGE-SECRET-KEY-'));
}
