// The backups of an environment: one folder, one dump (a file or a folder) with its manifest for each.

import { readdir, stat } from 'node:fs/promises';
import { basename, isAbsolute, join, resolve } from 'node:path';
import { Failure, messageOf } from '../core/failure.ts';
import { archiveSize } from '../postgres/archive-content.ts';
import { exists, manifestCopyOf, manifestFileOf } from './file-name.ts';
import { type Backup, type ReadManifest, readManifest } from './manifest.ts';

/** A file that looks like a backup and is none. */
export interface IncompleteBackup {
  readonly file: string;
  readonly reason: string;
}

/** What the folder of an environment holds. */
export interface BackupList {
  /** Newest first, by the time that their manifests tell. */
  readonly backups: readonly Backup[];
  readonly incomplete: readonly IncompleteBackup[];
  /** Backups of which the manifest no longer holds, and its copy does: whole, but somebody was there. */
  readonly damaged: readonly IncompleteBackup[];
}

/** Where the backups of an environment are: one folder below the configured one. */
export function backupFolder(backups: string, environment: string): string {
  return join(backups, environment);
}

/** Lists the backups of an environment. Looks at sizes and manifests; a proof reads every byte. */
export async function listBackups(backups: string, environment: string): Promise<BackupList> {
  const folder = backupFolder(backups, environment);
  const names: string[] = await readdir(folder).catch(() => []);
  const dumps = names.filter((name) => name.endsWith('.dump') && !name.startsWith('.'));
  const opened = await Promise.all(dumps.map((name) => look(join(folder, name), name)));
  const orphans = [manifestFileOf, manifestCopyOf].flatMap((nameOf) =>
    names
      .filter((name) => name.endsWith(nameOf('.dump')))
      .filter((name) => !names.includes(name.slice(0, -nameOf('').length)))
      .map((name) => ({
        file: join(folder, name),
        reason: 'there is no dump beside this manifest',
      })),
  );
  return {
    backups: opened
      .filter((each) => 'manifest' in each)
      .map(({ name, file, manifest }) => ({ name, file, manifest }))
      .sort((a, b) => b.manifest.endedAt.localeCompare(a.manifest.endedAt)),
    incomplete: [...opened.filter((each) => 'reason' in each), ...orphans],
    damaged: opened.flatMap((each) =>
      'manifest' in each && each.damage !== null
        ? [{ file: manifestFileOf(each.file), reason: each.damage }]
        : [],
    ),
  };
}

/** What was asked for. */
export interface FindOptions {
  readonly backups: string;
  readonly environment: string;
  /** A path, a file name, or `latest`. */
  readonly wanted: string;
  /** Folders that a relative path may start from, the first one first. */
  readonly from: readonly string[];
}

/**
 * Finds a backup by its path (`backups/production/pre_migration_20251015_120000.dump`), by its file
 * name alone, or as `latest`.
 *
 * @throws `backup/not-found`, `backup/other-environment`, `backup/no-manifest`,
 *   `backup/manifest-damaged`
 */
export async function findBackup(options: FindOptions): Promise<Backup> {
  const { backups, environment, wanted, from } = options;
  if (wanted === 'latest') {
    const [newest] = (await listBackups(backups, environment)).backups;
    if (newest === undefined) throw await notFound(options);
    return newest;
  }
  const folder = backupFolder(backups, environment);
  const candidates = isAbsolute(wanted)
    ? [resolve(wanted)]
    : [...from, folder].flatMap((start) => [
        resolve(start, wanted),
        resolve(start, `${wanted}.dump`),
      ]);
  for (const file of candidates) {
    const found = await stat(file).catch(() => undefined);
    // A folder without a manifest is any folder.
    const beside = [manifestFileOf(file), manifestCopyOf(file)].map(exists);
    const isThere = found?.isFile() === true || (await Promise.all(beside)).includes(true);
    if (found === undefined || !isThere) continue;
    const { manifest } = await readManifest(file);
    if (manifest.environment !== environment)
      throw otherEnvironment(file, manifest.environment, options);
    return { name: manifest.dump.file, file, manifest };
  }
  throw await notFound(options);
}

async function look(
  file: string,
  name: string,
): Promise<(Backup & ReadManifest) | IncompleteBackup> {
  try {
    const { manifest, damage } = await readManifest(file);
    const size = await archiveSize(file);
    if (size === manifest.dump.sizeBytes) return { name, file, manifest, damage };
    return { file, reason: `it has ${size} bytes instead of ${manifest.dump.sizeBytes}` };
  } catch (failure) {
    return { file, reason: messageOf(failure) };
  }
}

async function notFound({ backups, environment, wanted }: FindOptions): Promise<Failure> {
  const { backups: known, incomplete } = await listBackups(backups, environment);
  const spoiled =
    incomplete.length === 0
      ? ''
      : ` (${incomplete.map(({ file, reason }) => `${basename(file)} is none: ${reason}`).join('; ')})`;
  return new Failure({
    code: 'backup/not-found',
    message:
      wanted === 'latest'
        ? `there is no backup of ${environment} in ${backupFolder(backups, environment)}${spoiled}`
        : `there is no backup ${wanted}`,
    hint:
      known[0] === undefined
        ? `Take one with \`drydock backup ${environment}\`.`
        : `Choose one that \`drydock backups ${environment}\` lists; the newest is ${known[0].name}.`,
    details: { wanted, known: known.map(({ name }) => name), incomplete },
  });
}

function otherEnvironment(file: string, found: string, { environment }: FindOptions): Failure {
  return new Failure({
    code: 'backup/other-environment',
    message: `${file} is a backup of ${found}, not of ${environment}`,
    hint: `Choose one that \`drydock backups ${environment}\` lists.`,
  });
}
