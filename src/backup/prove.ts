// Proves a backup by restoring it: into a throw-away server, for real, and everything is compared.

import { availableParallelism } from 'node:os';
import { type Context, type StepReporter, step } from '../core/context.ts';
import { formatDuration } from '../core/duration.ts';
import { Failure, messageOf } from '../core/failure.ts';
import type { Address } from '../postgres/address.ts';
import { loadArchive, verifyArchive } from '../postgres/archive.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { type ContentsDifference, compareContents, readContents } from '../postgres/contents.ts';
import { applyProperties, createDatabaseLike } from '../postgres/database-properties.ts';
import { createMissingRoles } from '../postgres/roles.ts';
import { type Backup, type Proof, writeManifest } from './manifest.ts';

/** A throw-away server, as far as a proof needs one. */
export interface CopyServer {
  /** The address of one of its databases, as superuser. */
  address(database: string): Address;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** What a proof needs. */
export interface ProveOptions {
  readonly backup: Backup;
  /** Starts a throw-away server of that major version with room for that much data. */
  readonly startServer: (wanted: {
    readonly purpose: string;
    readonly major: number;
    readonly sizeBytes: number;
  }) => Promise<CopyServer>;
}

/** A backup that was restored and is as its manifest says. */
export interface ProvenCopy {
  /** The backup, its manifest with the proof. */
  readonly backup: Backup;
  readonly proof: Proof;
  /** Runs on: whoever asked for the proof stops it. */
  readonly server: CopyServer;
  /** The restored database, analysed and with the settings of the original. */
  readonly database: Address;
}

/**
 * Restores a backup into a throw-away server and compares every table's rows, the sequences, the
 * extensions and the whole schema with the manifest. The outcome is written into the manifest,
 * whatever it is.
 *
 * @throws `backup/file-missing`, `backup/file-changed`, `proof/not-restorable`, `proof/differs`
 * @example
 * const { proof, server } = await prove(context, { backup, startServer });
 * await server.stop();
 */
export async function prove(context: Context, options: ProveOptions): Promise<ProvenCopy> {
  const { backup } = options;
  return await step(context, `prove ${backup.name} by restoring it`, async (reporter) => {
    const startedAt = context.clock.now().toISOString();
    try {
      const restored = await restoreCopy(context, reporter, options);
      const proof = proofOf(backup, {
        startedAt,
        endedAt: context.clock.now().toISOString(),
        ...restored.measured,
      });
      const proven = await record(backup, proof);
      reporter.summary(
        `${proof.compared.rows.toLocaleString('en')} rows of ${proof.compared.tables} tables as in the original, restored in ${formatDuration(proof.restoreMs)}`,
      );
      return { backup: proven, proof, server: restored.server, database: restored.database };
    } catch (failure) {
      if (saysBackupIsBad(failure)) {
        const endedAt = context.clock.now().toISOString();
        await record(backup, failedProof(backup, { startedAt, endedAt, failure }));
      }
      throw failure;
    }
  });
}

interface Measured {
  readonly restoreMs: number;
  readonly serverVersion: number;
}

async function restoreCopy(
  context: Context,
  reporter: StepReporter,
  { backup, startServer }: ProveOptions,
): Promise<{ server: CopyServer; database: Address; measured: Measured }> {
  const { source } = backup.manifest;
  reporter.progress('reading the file');
  await verifyArchive({ path: backup.file, ...backup.manifest.dump });
  reporter.progress('starting a throw-away server');
  const server = await startServer({
    purpose: 'proof',
    major: Math.floor(source.serverVersion / 10_000),
    sizeBytes: source.sizeBytes,
  });
  try {
    await using maintenance = await connect(server.address('postgres'), {
      purpose: 'proof',
      signal: context.signal,
    });
    const startedAt = performance.now();
    const database = await load(context, { backup, server, maintenance, reporter });
    const restoreMs = performance.now() - startedAt;
    reporter.progress('comparing');
    await compare(context, { backup, database });
    return { server, database, measured: { restoreMs, serverVersion: maintenance.version } };
  } catch (failure) {
    await server.stop();
    throw failure;
  }
}

interface Loading {
  readonly backup: Backup;
  readonly server: CopyServer;
  readonly maintenance: Database;
  readonly reporter: StepReporter;
}

async function load(
  context: Context,
  { backup, server, maintenance, reporter }: Loading,
): Promise<Address> {
  const { source, contents } = backup.manifest;
  const name = copyName(source.database);
  const tables = Object.keys(contents.tables).length;
  await createMissingRoles(maintenance, source.roles);
  await createCopy(context, { maintenance, name, backup });
  const database = server.address(name);
  await loadArchive(context, {
    archive: { path: backup.file, ...backup.manifest.dump },
    into: database,
    serverVersion: maintenance.version,
    jobs: availableParallelism(),
    keepTablespaces: false,
    onTable: (loaded) => reporter.progress(`${loaded} of ${tables} tables`),
  }).catch((failure: unknown) => {
    throw notRestorable(backup, failure);
  });
  return database;
}

// A locale may be missing on this machine. The copy then sorts otherwise than the original, which
// changes no row, and that is said.
async function createCopy(
  context: Context,
  { maintenance, name, backup }: { maintenance: Database; name: string; backup: Backup },
): Promise<void> {
  const { properties } = backup.manifest.source;
  const options = { keepTablespace: false };
  try {
    await createDatabaseLike(maintenance, name, properties, options);
  } catch (failure) {
    if (!/locale|collat|provider/i.test(messageOf(failure))) throw failure;
    context.emit({
      kind: 'note',
      text: `The copy has locale C: this machine has no ${properties.locale ?? properties.collate}.`,
    });
    const plain = { ...properties, collate: 'C', ctype: 'C', locale: null, icuRules: null };
    await createDatabaseLike(maintenance, name, { ...plain, provider: 'libc' }, options);
  }
  // Libraries that the settings ask for may be missing here, and would close the copy's door.
  const settings = properties.settings.filter((each) => !each.name.endsWith('_preload_libraries'));
  await applyProperties(maintenance, name, { ...properties, settings }).catch(
    (failure: unknown) => {
      context.emit({ kind: 'note', text: `The copy lacks settings: ${messageOf(failure)}.` });
    },
  );
}

async function compare(
  context: Context,
  { backup, database }: { backup: Backup; database: Address },
): Promise<void> {
  await using copy = await connect(database, { purpose: 'proof', signal: context.signal });
  const { contents, source } = backup.manifest;
  const found = compareContents(contents, await readContents(copy));
  // Majors print the same schema in different words (manual, release notes of each).
  const sameMajor = Math.floor(copy.version / 10_000) === Math.floor(source.serverVersion / 10_000);
  const differences = found.filter(({ about }) => sameMajor || about !== 'schema');
  if (differences.length > 0) throw differs(backup, differences);
  await copy.execute('ANALYZE');
}

function proofOf(
  backup: Backup,
  measured: Measured & { startedAt: string; endedAt: string },
): Proof {
  const { manifest } = backup;
  const { tables, sequences, schema } = manifest.contents;
  return {
    kind: 'proof',
    version: 1,
    plan: manifest.plan,
    outcome: 'done',
    dumpSha256: manifest.dump.sha256,
    ...measured,
    compared: {
      tables: Object.keys(tables).length,
      rows: Object.values(tables).reduce((sum, rows) => sum + rows, 0),
      sequences: Object.keys(sequences).length,
      schemaObjects: Object.keys(schema.objects).length,
    },
    differences: [],
  };
}

function failedProof(
  backup: Backup,
  { startedAt, endedAt, failure }: { startedAt: string; endedAt: string; failure: Failure },
): Proof {
  const differences = failure.details.differences as readonly ContentsDifference[] | undefined;
  return {
    ...proofOf(backup, { startedAt, endedAt, restoreMs: 0, serverVersion: 0 }),
    outcome: 'failed',
    differences: differences?.map(({ sentence }) => sentence) ?? [failure.message],
  };
}

async function record(backup: Backup, proof: Proof): Promise<Backup> {
  const manifest = { ...backup.manifest, proof };
  await writeManifest(backup.file, manifest);
  return { ...backup, manifest };
}

function saysBackupIsBad(failure: unknown): failure is Failure {
  return failure instanceof Failure && /^(proof\/|backup\/file-)/.test(failure.code);
}

function copyName(database: string): string {
  return ['postgres', 'template0', 'template1'].includes(database) ? `${database}_copy` : database;
}

function notRestorable(backup: Backup, cause: unknown): unknown {
  if (!(cause instanceof Failure) || cause.code !== 'archive/load-failed') return cause;
  return new Failure({
    code: 'proof/not-restorable',
    message: `${backup.name} could not be restored: ${cause.details.said}`,
    hint: `Remove the cause, take a new backup with \`drydock backup ${backup.manifest.environment}\`, and prove that.`,
    details: cause.details,
    cause,
  });
}

function differs(backup: Backup, differences: readonly ContentsDifference[]): Failure {
  const shown = differences.slice(0, 5).map(({ sentence }) => sentence);
  const more = differences.length - shown.length;
  return new Failure({
    code: 'proof/differs',
    message: `${backup.name} does not bring back what it was taken of: ${shown.join('; ')}${more > 0 ? `; and ${more} more` : ''}`,
    hint: `Take a new backup with \`drydock backup ${backup.manifest.environment}\`, and prove that.`,
    details: { differences },
  });
}
