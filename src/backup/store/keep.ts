// Brings a backup into a store.

import { rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Context, step } from '../../core/context.ts';
import { sha256OfFile } from '../../core/digest.ts';
import { formatBytes } from '../../core/duration.ts';
import { withCleanup } from '../../core/failure.ts';
import type { ArchiveFile } from '../../postgres/archive-content.ts';
import { globalsFileOf, partialName } from '../file-name.ts';
import type { Backup } from '../manifest.ts';
import { decryptFile, encryptFile } from './age.ts';
import { type Keeping, type KeptBackup, writeKept } from './kept.ts';
import { type Content, fileChanged } from './store.ts';

/** For whom backups are encrypted, and by which key this machine could read them. */
export interface Encryption {
  /** Public keys. Whoever has one of the private keys can read the backup. */
  readonly recipients: readonly string[];
  /** File of private keys; undefined where there is none on this machine. */
  readonly identityFile: string | undefined;
}

/**
 * Keeps a backup in a store, encrypted when that is wanted. A failure or a kill leaves nothing that
 * is listed as a backup; the same call continues.
 *
 * @throws `store/…`, `encryption/…`
 * @example const kept = await keepBackup(context, { store, environment: 'production', backup, encryption });
 */
export async function keepBackup(
  context: Context,
  options: Keeping & { readonly backup: Backup; readonly encryption: Encryption | undefined },
): Promise<KeptBackup> {
  const { store, environment, backup, encryption } = options;
  return await step(context, `keep ${backup.name} in ${store.label}`, async (reporter) => {
    const parts = await partsOf(backup);
    const total = parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const files: ArchiveFile[] = [];
    let before = 0;
    for (const part of parts) {
      const place = { ...part, folder: dirname(backup.file), signal: context.signal };
      files.push(
        await withSealed(place, encryption, async (sealed) => {
          await store.put(`${environment}/${sealed.name}`, sealed.path, {
            content: sealed,
            signal: context.signal,
            onBytes: (bytes) =>
              reporter.progress(`${formatBytes(before + bytes)} of ${formatBytes(total)}`),
          });
          return { name: sealed.name, sizeBytes: sealed.sizeBytes, sha256: sealed.sha256 };
        }),
      );
      before += part.sizeBytes;
    }
    const kept: KeptBackup = {
      kind: 'kept-backup',
      version: 1,
      name: backup.name,
      files,
      encryption:
        encryption === undefined
          ? null
          : {
              format: 'age',
              recipients: encryption.recipients,
              decrypts:
                encryption.identityFile === undefined ? 'not-tried-without-a-key' : 'proven',
            },
      manifest: backup.manifest,
    };
    await refuseMissing(options, kept);
    await writeKept(options, kept);
    reporter.summary(`${formatBytes(total)}${encryption === undefined ? '' : ', encrypted'}`);
    return kept;
  });
}

interface Part extends Content {
  readonly name: string;
  readonly path: string;
}

// The files of a backup here, with their names in the store.
async function partsOf({ name, file, manifest }: Backup): Promise<Part[]> {
  const { dump, globals } = manifest;
  const parts = dump.files.map((each) => ({
    ...each,
    name: dump.format === 'folder' ? `${name}/${each.name}` : name,
    path: dump.format === 'folder' ? join(file, each.name) : file,
  }));
  if (globals === null) return parts;
  const path = globalsFileOf(file);
  const { size } = await stat(path);
  return [...parts, { name: globals.file, path, sizeBytes: size, sha256: globals.sha256 }];
}

// An encrypted copy lies beside the backup while it is sent, so that it can be sent in parts and
// read again. It is decrypted once before that, with the key that a restore would take.
async function withSealed<T>(
  part: Part & { readonly folder: string; readonly signal: AbortSignal },
  encryption: Encryption | undefined,
  work: (sealed: Part) => Promise<T>,
): Promise<T> {
  if (encryption === undefined) return await work(part);
  const { folder, signal } = part;
  const found = await sha256OfFile(part.path);
  if (found !== part.sha256) throw fileChanged(part.path, { ...part, sha256: found }, part);
  const path = join(folder, await partialName(`${part.name.replaceAll('/', '-')}.age`));
  await rm(path, { force: true });
  return await withCleanup(
    async () => {
      await encryptFile({ from: part.path, to: path, recipients: encryption.recipients, signal });
      const { identityFile } = encryption;
      if (identityFile !== undefined)
        await decryptFile({ from: path, to: null, identityFile, signal });
      const { size } = await stat(path);
      const digest = await sha256OfFile(path);
      return await work({ name: `${part.name}.age`, path, sizeBytes: size, sha256: digest });
    },
    () => rm(path, { force: true }),
  );
}

async function refuseMissing({ store, environment }: Keeping, kept: KeptBackup): Promise<void> {
  const there = await store.list(`${environment}/${kept.name}`);
  for (const { name, sizeBytes, sha256: digest } of kept.files) {
    const found = there.find(({ key }) => key === `${environment}/${name}`)?.sizeBytes ?? 0;
    if (found !== sizeBytes) {
      const what = `${name} in ${store.label}`;
      throw fileChanged(what, { sizeBytes: found, sha256: '' }, { sizeBytes, sha256: digest });
    }
  }
}
