// Backups in two places: the folder in which they are taken, and the store in which they are kept
// when one is configured. Whoever wants a backup need not know where it is.

import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type BackupList, backupFolder, findBackup, listBackups } from '../backup/backups.ts';
import { exists, filesBeside } from '../backup/file-name.ts';
import { type Backup, readManifest, validProof } from '../backup/manifest.ts';
import { withKept } from '../backup/store/bring-back.ts';
import { type Encryption, keepBackup } from '../backup/store/keep.ts';
import {
  forgetKept,
  type Keeping,
  type KeptBackup,
  type KeptList,
  listKept,
  readKept,
  sweepLoose,
  writeKept,
} from '../backup/store/kept.ts';
import { openStore } from '../backup/store/open.ts';
import { canonicalJson } from '../core/digest.ts';
import { Failure, messageOf, withCleanup } from '../core/failure.ts';
import type { Project } from './project.ts';

/** A backup with where it is. */
export interface PlacedBackup extends Backup {
  readonly places: readonly ('here' | 'store')[];
}

/** A backup that was just taken. */
export interface NewBackup extends PlacedBackup {
  /** Where it is kept beside the folder; null when nowhere. */
  readonly store: string | null;
}

/** The backups of an environment, in both places. */
export interface PlacedBackups extends BackupList {
  readonly backups: readonly PlacedBackup[];
  /** Where backups are kept beside the folder; null when nowhere. */
  readonly store: string | null;
}

// What an interrupted run has left in a store may still be on its way for that long.
const graceMs = 24 * 3_600_000;

/** A store that was reached before the dump, so that nobody waits for one that cannot be kept. */
export interface ReadyStore {
  /** Names of backups, whole or not, that are in the store. */
  readonly names: readonly string[];
  /**
   * Keeps a new backup. An encrypted one that opens with the key on this machine is removed here: it
   * is proven and restored from the store.
   *
   * @throws `store/…`, `encryption/…`: the backup is in the folder then, and whole
   */
  keep(backup: Backup): Promise<NewBackup>;
}

/**
 * Looks whether the store can be reached, when there is one.
 *
 * @throws `store/…`
 */
export async function readyToKeep(project: Project, environment: string): Promise<ReadyStore> {
  const where = await storeOf(project, environment);
  if (where === undefined) {
    return { names: [], keep: async (made) => ({ ...made, places: ['here'], store: null }) };
  }
  const before = await listKept(where);
  const { context, config } = project;
  const encryption = encryptionOf(project);
  const isOnlyThere = encryption?.identityFile !== undefined;
  const keepOne = async (backup: Backup): Promise<void> => {
    await keepBackup(context, { ...where, backup, encryption });
    if (isOnlyThere) await removeHere(backup);
  };
  const keep = async (made: Backup): Promise<NewBackup> => {
    const { backups } = await listBackups(config.backups, environment);
    for (const backup of backups.filter(({ name }) => name !== made.name)) {
      if (wasCutOff(backup, where, before)) await keepOne(backup);
    }
    await keepOne(made);
    // Listed anew: what was loose before may belong to a backup by now.
    const { loose } = await listKept(where);
    await finishRemovals(project, environment, before.kept);
    const grace = new Date(context.clock.now().getTime() - graceMs);
    await sweepLoose(where, { loose, before: grace });
    const places = isOnlyThere ? (['store'] as const) : (['here', 'store'] as const);
    return { ...made, places, store: where.store.label };
  };
  return { names: before.names, keep };
}

// Begun and not kept to its end, or not even begun: newer than the newest that is kept. Older ones
// may be from a time without a store.
function wasCutOff({ name, manifest }: Backup, { environment }: Keeping, list: KeptList): boolean {
  const [newest] = list.kept;
  return (
    list.loose.some(({ key }) => key.startsWith(`${environment}/${name}`)) ||
    (newest !== undefined && manifest.endedAt > newest.manifest.endedAt)
  );
}

/** The backups of an environment, newest first. A store that cannot be reached is noted. */
export async function allBackups(project: Project, environment: string): Promise<PlacedBackups> {
  const { config, context } = project;
  const here = await listBackups(config.backups, environment);
  const kept = await listStore(project, environment).catch((failure: unknown) => {
    if (!(failure instanceof Failure) || failure.code !== 'store/unreachable') throw failure;
    const text = `Only backups on this machine are known: ${messageOf(failure)}.`;
    context.emit({ kind: 'note', text });
    return undefined;
  });
  const folder = resolve(backupFolder(config.backups, environment));
  const placed = new Map<string, PlacedBackup>(
    kept?.list.kept.map(({ name, manifest }) => [
      name,
      { name, file: join(folder, name), manifest, places: ['store'] },
    ]),
  );
  for (const backup of here.backups) {
    const other = placed.get(backup.name);
    const proven = other !== undefined && validProof(backup) === null ? other.manifest : undefined;
    placed.set(backup.name, {
      ...backup,
      manifest: proven ?? backup.manifest,
      places: other === undefined ? ['here'] : ['here', 'store'],
    });
  }
  return {
    backups: [...placed.values()].sort((a, b) =>
      b.manifest.endedAt.localeCompare(a.manifest.endedAt),
    ),
    incomplete: [
      ...here.incomplete,
      ...(kept?.list.incomplete ?? []),
      ...(kept?.list.loose ?? []).map(({ key }) => ({
        file: `${kept?.label}/${key}`,
        reason: 'it is being kept now, or that was interrupted',
      })),
    ],
    damaged: here.damaged,
    store: kept?.label ?? null,
  };
}

/**
 * The backup of that name or path, or the newest one, from wherever it is.
 *
 * @throws `backup/not-found`, `backup/other-environment`, `backup/no-manifest`,
 *   `backup/manifest-damaged`
 */
export async function findAnywhere(
  project: Project,
  environment: string,
  wanted: string,
): Promise<Backup> {
  const { config } = project;
  if (config.store !== undefined) {
    const { backups } = await allBackups(project, environment);
    const found = backups.find(
      ({ name }) => wanted === 'latest' || name === wanted || name === `${wanted}.dump`,
    );
    if (found !== undefined) return found;
  }
  const from = [process.cwd(), config.root];
  return await findBackup({ backups: config.backups, environment, wanted, from });
}

/**
 * Works with the files of a backup: with those in the folder, else with those of the store, which are
 * removed afterwards. What a proof has found meanwhile is in both places at the end.
 *
 * @throws `store/…`, `encryption/…`
 */
export async function withFiles<T>(
  project: Project,
  backup: Backup,
  work: (backup: Backup) => Promise<T>,
): Promise<T> {
  const { config, context } = project;
  const { environment } = backup.manifest;
  if (await exists(backup.file)) {
    return await withCleanup(
      () => work(backup),
      () => tellStore(project, backup),
    );
  }
  const where = await storeOf(project, environment);
  const kept = where && (await readKept(where, backup.name));
  if (where === undefined || kept === undefined) return await work(backup);
  const { identityFile } = config.store ?? {};
  const keeping = { ...where, kept, backups: config.backups, identityFile };
  return await withKept(context, keeping, (here) =>
    withCleanup(
      () => work(here),
      () => writeProof(where, kept, here),
    ),
  );
}

/** Removes backups of these names from the store, for good. */
export async function forgetInStore(
  project: Project,
  environment: string,
  names: readonly string[],
): Promise<void> {
  const where = names.length === 0 ? undefined : await storeOf(project, environment);
  if (where === undefined) return;
  for (const name of names) {
    const kept = await readKept(where, name);
    if (kept !== undefined) await forgetKept(where, kept);
  }
}

async function listStore(
  project: Project,
  environment: string,
): Promise<{ label: string; list: KeptList } | undefined> {
  const where = await storeOf(project, environment);
  return where && { label: where.store.label, list: await listKept(where) };
}

async function storeOf({ config }: Project, environment: string): Promise<Keeping | undefined> {
  return config.store && { store: await openStore(config.store), environment };
}

function encryptionOf({ config }: Project): Encryption | undefined {
  const { encryptTo: recipients = [], identityFile } = config.store ?? {};
  return recipients.length === 0 ? undefined : { recipients, identityFile };
}

// The proof stands in the manifest here whatever becomes of the store: no reason to fail.
async function tellStore(project: Project, backup: Backup): Promise<void> {
  try {
    const where = await storeOf(project, backup.manifest.environment);
    const kept = where && (await readKept(where, backup.name));
    if (where !== undefined && kept !== undefined) await writeProof(where, kept, backup);
  } catch (failure) {
    const text = `The store was not told of what was proven: ${messageOf(failure)}.`;
    project.context.emit({ kind: 'note', text });
  }
}

async function writeProof(where: Keeping, kept: KeptBackup, here: Backup): Promise<void> {
  const { manifest } = await readManifest(here.file);
  if (canonicalJson(manifest.proof) === canonicalJson(kept.manifest.proof)) return;
  await writeKept(where, { ...kept, manifest });
}

// What a run that was killed has not yet removed beside a dump that is in the store alone.
async function finishRemovals(
  { config }: Project,
  environment: string,
  kept: readonly KeptBackup[],
): Promise<void> {
  const folder = backupFolder(config.backups, environment);
  for (const { name } of kept) {
    const dump = join(folder, name);
    if (await exists(dump)) continue;
    for (const beside of filesBeside(dump)) await rm(beside, { force: true });
  }
}

// The dump first: what a kill leaves behind is a manifest without one, which is no backup.
async function removeHere({ file }: Backup): Promise<void> {
  await rm(file, { recursive: true });
  for (const beside of filesBeside(file)) await rm(beside, { force: true });
}
