// What stands beside a dump: everything needed to judge it, and the record of its trial restore.
// The file carries a digest of itself, so that an edited manifest is no manifest; a second copy stands
// beside it, because without a manifest a dump is lost.

import { open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Actor } from '../core/actor.ts';
import { canonicalJson, sha256 } from '../core/digest.ts';
import type { Evidence } from '../core/evidence.ts';
import { Failure, messageOf } from '../core/failure.ts';
import type { Activity } from '../postgres/activity.ts';
import type { Archive } from '../postgres/archive.ts';
import type { Collations } from '../postgres/collations.ts';
import type { Contents } from '../postgres/contents.ts';
import type { DatabaseProperties } from '../postgres/database-properties.ts';
import type { Examined } from '../postgres/examine.ts';
import type { FilledView } from '../postgres/far-views.ts';
import type { Relation } from '../postgres/relations.ts';
import type { ReferencedRole } from '../postgres/roles.ts';
import { manifestCopyOf, manifestFileOf, partialName } from './file-name.ts';
import { shapeProblem } from './manifest-shape.ts';

/** The trial restore of a backup. */
export interface Proof extends Evidence {
  readonly kind: 'proof';
  /**
   * How much was shown. 2: every table has its rows, and the schema is the same. 3: the content of
   * every table is the same too, and every page of every table and index was examined.
   */
  readonly level: 2 | 3;
  /** Digest of the dump that was restored: a proof of another one is void. */
  readonly dumpSha256: string;
  /** How long it took to load the dump: the measured part of a recovery time. */
  readonly restoreMs: number;
  /** `server_version_num` of the throw-away server. */
  readonly serverVersion: number;
  readonly compared: {
    readonly tables: number;
    /** Tables of which the content was compared too, and not the number of rows alone. */
    readonly hashedTables: number;
    readonly rows: number;
    readonly sequences: number;
    readonly schemaObjects: number;
  };
  /** Tables and indexes of which amcheck has examined every page; null when that was not asked for. */
  readonly examined: Examined | null;
  /** What was not as the manifest says, as sentences; empty when the proof holds. */
  readonly differences: readonly string[];
}

/** The database that a backup was taken of. */
export interface BackupSource {
  /** Host, port and database, without a password. */
  readonly address: string;
  readonly database: string;
  /** `server_version_num`, such as 150018. */
  readonly serverVersion: number;
  /** The cluster's own identity; null where the role may not read it. */
  readonly systemIdentifier: string | null;
  /** Of the write-ahead log; null where the role may not read it. */
  readonly timeline: number | null;
  readonly databaseId: number;
  /** By the clock of the server: when the snapshot was taken, and when the dump was done. */
  readonly serverClock: { readonly startedAt: string; readonly endedAt: string };
  /** What the dump sees, as `pg_current_snapshot()` tells it. */
  readonly snapshot: string;
  /** Write-ahead log position; null on a standby. */
  readonly lsn: string | null;
  readonly sizeBytes: number;
  readonly properties: DatabaseProperties;
  /** Versions of the collations in use; absent in manifests from before they were read. */
  readonly collations?: Collations | undefined;
  readonly roles: readonly ReferencedRole[];
  /** Tables and materialised views by their qualified names. */
  readonly relations: Readonly<Record<string, Relation>>;
  /**
   * Filled materialised views that read other servers: a restore fills them last, and goes on when that
   * cannot be done.
   */
  readonly farViews: readonly FilledView[];
  readonly publications: readonly string[];
  /** Names: a restore leaves subscriptions out. */
  readonly subscriptions: readonly string[];
  /** Logical replication slots of this database: they are in no dump and do not follow a restore. */
  readonly slots: readonly string[];
}

/** The record that describes a dump. */
export interface Manifest extends Evidence {
  readonly kind: 'backup';
  /** Version of Drydock. */
  readonly drydock: string;
  readonly environment: string;
  /** Why it was taken, such as `before 008_add_teacher_mode.sql`. */
  readonly reason: string;
  readonly by: Actor;
  readonly gitCommit: string | null;
  /** Versions of the migrations that this database had. */
  readonly ledger: readonly string[];
  /** File names of the migrations that it was taken before. */
  readonly pending: readonly string[];
  readonly dump: Omit<Archive, 'path'> & {
    readonly file: string;
    /** The program that wrote it, with its options and without any address. */
    readonly writtenBy: string;
  };
  /** The roles of the server and the settings of the database as SQL; null when they could not be read. */
  readonly globals: { readonly file: string; readonly sha256: string } | null;
  readonly source: BackupSource;
  readonly contents: Contents;
  readonly activity: Activity;
  readonly proof: Proof | null;
}

/** A whole backup: a dump with its final name, and the manifest beside it. */
export interface Backup {
  /** `pre_migration_20251015_120000.dump` */
  readonly name: string;
  /** Absolute path of the dump. */
  readonly file: string;
  readonly manifest: Manifest;
}

/** The proof of this very dump, if it holds. */
export function validProof({ manifest }: Pick<Backup, 'manifest'>): Proof | null {
  const { proof, dump } = manifest;
  return proof?.outcome === 'done' && proof.dumpSha256 === dump.sha256 ? proof : null;
}

/** Writes the manifest of a dump and its copy, each of them whole and on disk, or not at all. */
export async function writeManifest(dumpFile: string, manifest: Manifest): Promise<void> {
  const content = { ...manifest, sha256: sha256(canonicalJson(manifest)) };
  const text = `${JSON.stringify(content, undefined, 2)}\n`;
  // One after the other: whenever this is interrupted, one of them holds.
  for (const file of [manifestFileOf(dumpFile), manifestCopyOf(dumpFile)])
    await writeWhole(file, text);
}

async function writeWhole(file: string, text: string): Promise<void> {
  const temporary = join(dirname(file), await partialName(basename(file)));
  try {
    {
      await using handle = await open(temporary, 'w', 0o600);
      await handle.writeFile(text);
      await handle.sync();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(file));
}

/** A manifest that was read, and what is wrong with the first of its two files. */
export interface ReadManifest {
  readonly manifest: Manifest;
  /** Why the copy was taken; null when the first file holds. */
  readonly damage: string | null;
}

/**
 * Reads the manifest of a dump: from the copy where the first file does not hold.
 *
 * @throws `backup/no-manifest`, `backup/manifest-damaged`
 */
export async function readManifest(dumpFile: string): Promise<ReadManifest> {
  try {
    return { manifest: await readOne(manifestFileOf(dumpFile)), damage: null };
  } catch (first) {
    const copy = await readOne(manifestCopyOf(dumpFile)).catch(() => undefined);
    if (copy !== undefined) return { manifest: copy, damage: messageOf(first) };
    throw first;
  }
}

async function readOne(file: string): Promise<Manifest> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Failure({
      code: 'backup/no-manifest',
      message: `there is no readable ${basename(file)} beside the dump (${error.code})`,
      hint: 'Choose a backup that `drydock backups` lists; without its manifest a dump can be neither compared nor trusted.',
      cause: error,
    });
  });
  try {
    const { sha256: digest, ...manifest } = JSON.parse(text) as Manifest & { sha256: string };
    if (manifest.kind !== 'backup' || manifest.version !== 1)
      throw new Error('its kind is unknown');
    if (sha256(canonicalJson(manifest)) !== digest) throw new Error('its content was changed');
    const problem = shapeProblem(manifest);
    if (problem !== undefined) throw new Error(problem);
    return manifest;
  } catch (error) {
    throw new Failure({
      code: 'backup/manifest-damaged',
      message: `the manifest ${basename(file)} is not the one that was written: ${messageOf(error)}`,
      hint: 'Choose another backup: `drydock backups` lists them.',
      cause: error,
    });
  }
}

/** Makes the names in a folder survive a power cut; where folders cannot be synced, does nothing. */
export async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open a folder, and some network file systems refuse to sync one.
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}
