// Takes a backup: a dump and the figures to prove it by, both of one snapshot. A dump with its final
// name is whole, on disk and described; until then its name starts with a dot.

import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import type { Actor } from '../core/actor.ts';
import { type Context, type StepReporter, step } from '../core/context.ts';
import { formatBytes } from '../core/duration.ts';
import { withCleanup } from '../core/failure.ts';
import type { Address } from '../postgres/address.ts';
import { type ArchiveContent, readArchive } from '../postgres/archive-content.ts';
import { connect } from '../postgres/connect.ts';
import { clientFor, type Installation } from '../postgres/programs.ts';
import { backupFolder, listBackups } from './backups.ts';
import {
  exists,
  filesBeside,
  freeName,
  globalsFileOf,
  partialName,
  sweepPartials,
} from './file-name.ts';
import { withFolderLock } from './folder-lock.ts';
import { writeGlobals } from './globals.ts';
import { isLockFailure, lockedFailure, takeBackupLock } from './lock.ts';
import { type Backup, type Manifest, syncFolder, writeManifest } from './manifest.ts';
import {
  backupNeeds,
  folderFailure,
  noteOthers,
  refuseFullDisk,
  refuseRowSecurity,
} from './preflight.ts';
import { refuseFullServer } from './server-room.ts';
import { type DumpedSnapshot, dumpSnapshot, type SnapshotOptions } from './snapshot.ts';

/** What is backed up, and why. */
export interface BackUpOptions
  extends Pick<SnapshotOptions, 'hashUpToBytes' | 'folderFromBytes' | 'snapshot'> {
  readonly environment: string;
  readonly address: Address;
  /** The configured folder of backups; each environment has a folder of its own in it. */
  readonly backups: string;
  readonly reason: string;
  readonly by: Actor;
  /** Digest of the plan that the backup precedes; null when it precedes none. */
  readonly plan: string | null;
  /** File names of the migrations of that plan. */
  readonly pending?: readonly string[];
  /** Versions of the migrations that the database has. */
  readonly ledger: readonly string[];
  readonly gitCommit: string | null;
  /** Names of backups that are no longer in the folder, but in a store. */
  readonly namesElsewhere?: readonly string[];
}

const attempts = 3;
const pauseMs = 2_000;

/**
 * Backs up a database. Whatever goes wrong, no file is left that looks like a backup.
 *
 * @throws `backup/row-security`, `backup/no-space`, `backup/server-disk-full`, `backup/locked`, `backup/dump-failed`,
 *   `backup/already-running`, `postgres/no-client-programs`, `postgres/client-too-old`
 * @example
 * const backup = await backUp(context, {
 *   environment: 'production', address, backups: 'backups', reason: 'by hand', by: currentActor(),
 *   plan: null, ledger: [], gitCommit: null,
 * });
 */
export async function backUp(context: Context, options: BackUpOptions): Promise<Backup> {
  const folder = resolve(backupFolder(options.backups, options.environment));
  return await step(context, `back up ${options.environment}`, async (reporter) => {
    try {
      await makeFolder(folder);
      return await withFolderLock(folder, () =>
        backUpInto(folder, { context, reporter, ...options }),
      );
    } catch (error) {
      throw folderFailure(error, folder);
    }
  });
}

// On a file system that is read only, Node says of a recursive mkdir that something does not exist: the
// plain one says what is wrong.
async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch(async (error: unknown) => {
    let missing = folder;
    while (dirname(missing) !== missing && !(await exists(dirname(missing))))
      missing = dirname(missing);
    await mkdir(missing);
    throw error;
  });
}

async function backUpInto(
  folder: string,
  { context, reporter, ...options }: BackUpOptions & { context: Context; reporter: StepReporter },
): Promise<Backup> {
  const startedAt = context.clock.now();
  await sweepPartials(folder);
  const name = await freeName(folder, startedAt, options.namesElsewhere);
  const file = join(folder, name);
  const partial = join(folder, await partialName(name));
  const partialGlobals = join(folder, await partialName(globalsFileOf(name)));
  return await withCleanup(
    async () => {
      const made = await dumpAlone(context, options, { partial, folder, reporter });
      const { clients, writtenBy, early, figures } = made;
      const { address, environment, reason, by, gitCommit, ledger, plan, pending = [] } = options;
      const { source } = figures;
      reporter.progress('reading the dump again for its digest');
      const [content, globals] = await Promise.all([
        readArchive(partial, early),
        writeGlobals(context, { clients, address, source, file: partialGlobals }),
      ]);
      const manifest: Manifest = {
        kind: 'backup',
        version: 1,
        plan,
        startedAt: startedAt.toISOString(),
        endedAt: context.clock.now().toISOString(),
        outcome: 'done',
        drydock: packageJson.version,
        environment,
        reason,
        by,
        gitCommit,
        ledger,
        pending,
        dump: { file: name, ...nameOf(content, name), dumpMajor: clients.major, writtenBy },
        globals: globals === null ? null : { file: globalsFileOf(name), sha256: globals },
        ...figures,
        proof: null,
      };
      if (globals !== null) await rename(partialGlobals, globalsFileOf(file));
      // The manifest first: pg_dump has synced the dump, so the new name below says "complete".
      await writeManifest(file, manifest);
      await rename(partial, file);
      await syncFolder(folder);
      reporter.summary(`${name}, ${formatBytes(content.sizeBytes)}`);
      return { name, file, manifest };
    },
    async () => {
      await rm(partial, { recursive: true, force: true });
      await rm(partialGlobals, { force: true });
      if (await exists(file)) return;
      for (const beside of filesBeside(file)) await rm(beside, { force: true });
    },
  );
}

// It was read under the name that it had in the making.
function nameOf(content: ArchiveContent, name: string): ArchiveContent {
  return content.format === 'file'
    ? { ...content, files: content.files.map((file) => ({ ...file, name })) }
    : content;
}

// One backup of a database at a time, and a few tries: a table that another session is altering is
// free again soon, and nobody's session is ended for a backup.
async function dumpAlone(
  context: Context,
  options: BackUpOptions,
  place: Pick<SnapshotOptions, 'partial' | 'folder' | 'reporter'>,
): Promise<DumpedSnapshot & { clients: Installation }> {
  const { address, environment, backups } = options;
  await using database = await connect(address, { purpose: 'backup', signal: context.signal });
  const clients = await clientFor(database.version);
  await takeBackupLock(database, environment);
  await refuseRowSecurity(database);
  await noteOthers(context, database);
  const [previous] = (await listBackups(backups, environment)).backups;
  const needed = await backupNeeds(database, previous?.manifest.dump.sizeBytes);
  await refuseFullDisk(place.folder, needed);
  await refuseFullServer(context, database, { folder: place.folder, needed });
  for (let attempt = 1; ; attempt += 1) {
    try {
      const onLongSnapshot = (): void =>
        context.emit({
          kind: 'note',
          text: `The snapshot of this backup is old by now: until it is done, ${environment} keeps every row that is deleted or changed.`,
        });
      const how = { ...options, ...place, clients, onLongSnapshot };
      return { clients, ...(await dumpSnapshot(context, how)) };
    } catch (failure) {
      if (!isLockFailure(failure)) throw failure;
      if (attempt === attempts) throw await lockedFailure(database, failure);
      place.reporter.progress('a table is locked by another session, trying again');
      await context.clock.sleep(pauseMs, context.signal);
    }
  }
}
