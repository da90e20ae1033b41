// Brings a backup back from a store.

import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Context, step } from '../../core/context.ts';
import { formatBytes } from '../../core/duration.ts';
import { Failure, withCleanup } from '../../core/failure.ts';
import { backupFolder } from '../backups.ts';
import { partialName, sweepPartials } from '../file-name.ts';
import { type Backup, writeManifest } from '../manifest.ts';
import { decryptFile } from './age.ts';
import type { Keeping, KeptBackup } from './kept.ts';

/**
 * Brings a kept backup back into a folder of its own beside the others, works with it there, and
 * removes it again.
 *
 * @throws `store/file-missing`, `store/file-changed`, `encryption/no-key`, `encryption/wrong-key`
 */
export async function withKept<T>(
  context: Context,
  options: Keeping & {
    readonly kept: KeptBackup;
    /** Folder of all backups here. */
    readonly backups: string;
    readonly identityFile: string | undefined;
  },
  work: (backup: Backup) => Promise<T>,
): Promise<T> {
  const { kept, environment, backups } = options;
  const parent = backupFolder(backups, environment);
  await mkdir(parent, { recursive: true, mode: 0o700 });
  // A killed run may have left a whole backup there, decrypted.
  await sweepPartials(parent);
  const folder = join(parent, await partialName(kept.name));
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return await withCleanup(
    async () => {
      await bringBack(context, { ...options, folder });
      const file = join(folder, kept.name);
      await writeManifest(file, kept.manifest);
      return await work({ name: kept.name, file, manifest: kept.manifest });
    },
    () => rm(folder, { recursive: true, force: true }),
  );
}

async function bringBack(
  context: Context,
  options: Keeping & {
    readonly kept: KeptBackup;
    readonly folder: string;
    readonly identityFile: string | undefined;
  },
): Promise<void> {
  const { store, environment, kept, folder, identityFile } = options;
  if (kept.encryption !== null && identityFile === undefined) throw noKey(kept);
  const { signal } = context;
  await step(context, `bring ${kept.name} back from ${store.label}`, async (reporter) => {
    const total = kept.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    let before = 0;
    for (const file of kept.files) {
      const path = join(folder, ...file.name.split('/'));
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await store.get(`${environment}/${file.name}`, path, {
        content: file,
        signal,
        onBytes: (bytes) =>
          reporter.progress(`${formatBytes(before + bytes)} of ${formatBytes(total)}`),
      });
      before += file.sizeBytes;
      if (kept.encryption === null || identityFile === undefined) continue;
      await decryptFile({ from: path, to: path.replace(/\.age$/, ''), identityFile, signal });
      await rm(path);
    }
    reporter.summary(formatBytes(total));
  });
}

function noKey(kept: KeptBackup): Failure {
  return new Failure({
    code: 'encryption/no-key',
    message: `${kept.name} is encrypted, and there is no private key here`,
    hint: 'Name the file with the private key as `identity` of the backups in the configuration, or in DRYDOCK_AGE_IDENTITY.',
    details: { recipients: kept.encryption?.recipients ?? [] },
  });
}
