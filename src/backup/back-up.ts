// Takes a backup: a dump and the figures to prove it by, both of one snapshot. A dump with its final
// name is whole, on disk and described; until then its name starts with a dot.

import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Actor } from '../core/actor.ts';
import { type Context, type StepReporter, step } from '../core/context.ts';
import { sha256OfFile } from '../core/digest.ts';
import { formatBytes } from '../core/duration.ts';
import { withCleanup } from '../core/failure.ts';
import { type Activity, readActivity } from '../postgres/activity.ts';
import type { Address } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';
import { type Contents, readOutline } from '../postgres/contents.ts';
import { clientFor, type Installation } from '../postgres/programs.ts';
import { readRows } from '../postgres/rows.ts';
import { backupFolder, listBackups } from './backups.ts';
import { dump, writtenBy } from './dump.ts';
import { exists, freeName, manifestFileOf, partialName, sweepPartials } from './file-name.ts';
import { isLockFailure, lockedFailure, takeBackupLock } from './lock.ts';
import {
  type Backup,
  type BackupSource,
  type Manifest,
  syncFolder,
  writeManifest,
} from './manifest.ts';
import {
  estimateDumpBytes,
  folderFailure,
  refuseFullDisk,
  refuseRowSecurity,
} from './preflight.ts';
import { readSource } from './source.ts';

/** What is backed up, and why. */
export interface BackUpOptions {
  readonly environment: string;
  readonly address: Address;
  /** The configured folder of backups; each environment has a folder of its own in it. */
  readonly backups: string;
  readonly reason: string;
  readonly by: Actor;
  /** Digest of the plan that the backup precedes; null when it precedes none. */
  readonly plan: string | null;
  /** Versions of the migrations that the database has. */
  readonly ledger: readonly string[];
  readonly gitCommit: string | null;
  /** Rows of small tables are hashed, up to so much altogether; 128 MB if left out. */
  readonly hashUpToBytes?: number;
}

interface Snapshot {
  readonly source: BackupSource;
  readonly contents: Contents;
  readonly activity: Activity;
}

// Hashing takes the server about as long as dumping does: 1.5 s for so much, on one core.
const defaultHashUpToBytes = 128 * 1024 ** 2;

const attempts = 3;
const pauseMs = 2_000;

/**
 * Backs up a database. Whatever goes wrong, no file is left that looks like a backup.
 *
 * @throws `backup/row-security`, `backup/no-space`, `backup/locked`, `backup/dump-failed`,
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
      return await backUpInto(folder, { context, reporter, ...options });
    } catch (error) {
      throw folderFailure(error, folder);
    }
  });
}

async function backUpInto(
  folder: string,
  { context, reporter, ...options }: BackUpOptions & { context: Context; reporter: StepReporter },
): Promise<Backup> {
  const startedAt = context.clock.now();
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await sweepPartials(folder);
  const name = await freeName(folder, startedAt);
  const file = join(folder, name);
  const partial = join(folder, partialName(name));
  return await withCleanup(
    async () => {
      const { clients, snapshot } = await dumpAlone(context, options, {
        partial,
        folder,
        reporter,
      });
      const { size: sizeBytes } = await stat(partial);
      const { environment, reason, by, gitCommit, ledger, plan } = options;
      const manifest: Manifest = {
        kind: 'backup',
        version: 1,
        plan,
        startedAt: startedAt.toISOString(),
        endedAt: context.clock.now().toISOString(),
        outcome: 'done',
        environment,
        reason,
        by,
        gitCommit,
        ledger,
        dump: {
          file: name,
          sizeBytes,
          sha256: await sha256OfFile(partial),
          dumpMajor: clients.major,
          writtenBy: writtenBy(clients),
        },
        ...snapshot,
        proof: null,
      };
      // The manifest first: pg_dump has synced the dump, so the new name below says "complete".
      await writeManifest(file, manifest);
      await rename(partial, file);
      await syncFolder(folder);
      reporter.summary(`${name}, ${formatBytes(sizeBytes)}`);
      return { name, file, manifest };
    },
    async () => {
      await rm(partial, { force: true });
      if (!(await exists(file))) await rm(manifestFileOf(file), { force: true });
    },
  );
}

interface DumpPlace {
  readonly partial: string;
  readonly folder: string;
  readonly reporter: StepReporter;
}

// One backup of a database at a time, and a few tries: a table that another session is altering is
// free again soon, and nobody's session is ended for a backup.
async function dumpAlone(
  context: Context,
  options: BackUpOptions,
  place: DumpPlace,
): Promise<{ clients: Installation; snapshot: Snapshot }> {
  const { address, environment, backups, hashUpToBytes = defaultHashUpToBytes } = options;
  await using database = await connect(address, { purpose: 'backup', signal: context.signal });
  const clients = await clientFor(database.version);
  await takeBackupLock(database, environment);
  await refuseRowSecurity(database);
  const [previous] = (await listBackups(backups, environment)).backups;
  await refuseFullDisk(
    place.folder,
    await estimateDumpBytes(database, previous?.manifest.dump.sizeBytes),
  );
  for (let attempt = 1; ; attempt += 1) {
    try {
      return {
        clients,
        snapshot: await dumpOnce(context, { hashUpToBytes, address, clients, ...place }),
      };
    } catch (failure) {
      if (!isLockFailure(failure)) throw failure;
      if (attempt === attempts) throw await lockedFailure(database, failure);
      place.reporter.progress('a table is locked by another session, trying again');
      await context.clock.sleep(pauseMs, context.signal);
    }
  }
}

// Sequences are read before pg_dump reads them: they move on outside of any snapshot, so the dump
// may only be ahead of the figures, never behind.
async function dumpOnce(
  context: Context,
  options: DumpPlace & { address: Address; clients: Installation; hashUpToBytes: number },
): Promise<Snapshot> {
  const { address } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  await using database = await connect(address, { purpose: 'backup', signal });
  return await database.transaction(async () => {
    // Counting must see every row or fail, and must not wait for a lock longer than pg_dump does.
    await database.execute(
      `SET LOCAL row_security = off; SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = 0;
       SET LOCAL idle_in_transaction_session_timeout = 0`,
    );
    const { id } = await database.one<{ id: string }>('SELECT pg_export_snapshot() AS id');
    const source = await readSource(database);
    const activity = await readActivity(database);
    const outline = await readOutline(database);
    const [rows] = await together(stop, [
      readRows(database, { upToBytes: options.hashUpToBytes }),
      dump({
        clients: options.clients,
        address,
        snapshot: id,
        file: options.partial,
        folder: options.folder,
        tables: Object.keys(activity.tables).length,
        reporter: options.reporter,
        signal,
      }),
    ]);
    return { source, activity, contents: { ...rows, ...outline } };
  }, 'ISOLATION LEVEL REPEATABLE READ READ ONLY');
}

// Both, or neither: the first failure stops the other, and is the one that is told.
async function together<A, B>(
  stop: AbortController,
  work: readonly [Promise<A>, Promise<B>],
): Promise<[A, B]> {
  for (const each of work) each.catch(() => stop.abort());
  try {
    return await Promise.all(work);
  } finally {
    await Promise.allSettled(work);
  }
}
