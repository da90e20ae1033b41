// Proves a backup by restoring it: into a throw-away server, for real, and everything is compared.

import { dirname } from 'node:path';
import { type Context, type StepReporter, step } from '../core/context.ts';
import { formatDuration } from '../core/duration.ts';
import { Failure } from '../core/failure.ts';
import { thousands } from '../core/thousands.ts';
import type { Address } from '../postgres/address.ts';
import { verifyArchive } from '../postgres/archive.ts';
import { connect } from '../postgres/connect.ts';
import { type ContentsDifference, compareContents, readOutline } from '../postgres/contents.ts';
import { type Examined, examine } from '../postgres/examine.ts';
import { readRows } from '../postgres/rows.ts';
import { collectStatistics } from '../postgres/statistics.ts';
import { type CopyServer, loadCopy } from './copy.ts';
import { type Backup, type Proof, writeManifest } from './manifest.ts';
import { folderFailure } from './preflight.ts';

/** What a proof needs. */
export interface ProveOptions {
  readonly backup: Backup;
  /** Examines every page of every table and index of the copy as well. */
  readonly thorough?: boolean;
  /** Collects statistics, for whoever works on the copy next: a tenth of the time, for nothing where nobody does. */
  readonly statistics?: boolean;
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
  /** The restored database, with the settings of the original. */
  readonly database: Address;
}

/**
 * Restores a backup into a throw-away server and compares the number of every table's rows, their
 * content where it was hashed, the sequences, the extensions and the whole schema with the manifest. The outcome is written into the manifest,
 * whatever it is.
 *
 * @throws `backup/file-missing`, `backup/file-changed`, `proof/not-restorable`, `proof/differs`;
 *   `sandbox/no-space` and `sandbox/server-ended`, which say nothing of the backup
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
      const proven = await record(backup, proof).catch(async (failure: unknown) => {
        await restored.server.stop();
        throw failure;
      });
      reporter.summary(
        `${thousands(proof.compared.rows)} rows of ${proof.compared.tables} tables as in the original, restored in ${formatDuration(proof.restoreMs)}`,
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
  readonly examined: Examined | null;
  readonly restoreMs: number;
  readonly serverVersion: number;
}

async function restoreCopy(
  context: Context,
  reporter: StepReporter,
  { backup, startServer, thorough = false, statistics = false }: ProveOptions,
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
    const database = await loadCopy(context, { backup, server, maintenance, reporter });
    const restoreMs = performance.now() - startedAt;
    reporter.progress('comparing');
    await compare(context, { backup, database, statistics });
    if (thorough) reporter.progress('examining every page');
    const examined = thorough ? await examineCopy(context, { backup, database }) : null;
    const measured = { restoreMs, serverVersion: maintenance.version, examined };
    return { server, database, measured };
  } catch (failure) {
    await server.stop();
    throw failure;
  }
}

async function compare(
  context: Context,
  { backup, database, statistics }: { backup: Backup; database: Address; statistics: boolean },
): Promise<void> {
  const how = { purpose: 'proof', signal: context.signal, unlimited: true };
  await using copy = await connect(database, how);
  await using other = await connect(database, how);
  const { contents, source } = backup.manifest;
  // Both only read the tables.
  const [rows, outline] = await Promise.all([
    readRows(copy, { like: contents.hashes }),
    readOutline(other).then(async (read) => {
      if (statistics) await collectStatistics(other);
      return read;
    }),
  ]);
  const found = { ...rows, ...outline };
  // Majors print the same schema in different words (manual, release notes of each).
  const sameMajor = Math.floor(copy.version / 10_000) === Math.floor(source.serverVersion / 10_000);
  const differences = compareContents(contents, found).filter(
    ({ about }) => sameMajor || about !== 'schema',
  );
  if (differences.length > 0) throw differs(backup, differences);
}

async function examineCopy(
  context: Context,
  { backup, database }: { backup: Backup; database: Address },
): Promise<Examined | null> {
  const how = { purpose: 'proof', signal: context.signal, unlimited: true };
  await using copy = await connect(database, how);
  const found = await examine(copy);
  if (found === undefined) {
    const text = 'No page was examined: the throw-away server has no extension amcheck.';
    context.emit({ kind: 'note', text });
    return null;
  }
  const { problems, tables, indexes } = found;
  if (problems.length === 0) return { tables, indexes };
  throw new Failure({
    code: 'proof/damaged',
    message: `a restore of ${backup.name} is damaged: ${problems.slice(0, 5).join('; ')}`,
    hint: 'Look at the disk and the memory of this machine, then prove the backup on another one.',
    details: { problems },
  });
}

function proofOf(
  backup: Backup,
  measured: Measured & { startedAt: string; endedAt: string },
): Proof {
  const { manifest } = backup;
  const { tables, hashes, sequences, schema } = manifest.contents;
  const hashedTables = Object.keys(hashes.tables).length;
  const isWhole = hashedTables === Object.keys(tables).length && measured.examined !== null;
  return {
    kind: 'proof',
    version: 1,
    plan: manifest.plan,
    outcome: 'done',
    level: isWhole ? 3 : 2,
    dumpSha256: manifest.dump.sha256,
    ...measured,
    compared: {
      tables: Object.keys(tables).length,
      hashedTables,
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
    ...proofOf(backup, {
      startedAt,
      endedAt,
      restoreMs: 0,
      serverVersion: 0,
      examined: null,
    }),
    outcome: 'failed',
    differences: differences?.map(({ sentence }) => sentence) ?? [failure.message],
  };
}

async function record(backup: Backup, proof: Proof): Promise<Backup> {
  const manifest = { ...backup.manifest, proof };
  await writeManifest(backup.file, manifest).catch((error: unknown) => {
    throw folderFailure(error, dirname(backup.file));
  });
  return { ...backup, manifest };
}

function saysBackupIsBad(failure: unknown): failure is Failure {
  return failure instanceof Failure && /^(proof\/|backup\/file-)/.test(failure.code);
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
