// The ways back: taking backups, proving them by restoring them, and bringing one back in an emergency.

import { backUp } from '../backup/back-up.ts';
import type { CopyServer } from '../backup/copy.ts';
import { type Backup, type Proof, validProof } from '../backup/manifest.ts';
import { prove } from '../backup/prove.ts';
import { type Context, interrupted } from '../core/context.ts';
import { Failure, withCleanup } from '../core/failure.ts';
import { carryJournal, type Outcome } from '../history/journal.ts';
import { readLedger } from '../history/ledger.ts';
import { prepareEnvironment } from '../history/marker.ts';
import type { Address } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';
import { findRelease } from '../release/release.ts';
import {
  type RestoreOptions,
  type RestoreReport,
  restore,
  type SwapQuestion,
} from '../restore/restore.ts';
import { type RestoreBesideReport, restoreBeside } from '../restore/restore-beside.ts';
import { type RestoreElsewhereReport, restoreElsewhere } from '../restore/restore-elsewhere.ts';
import { type RestoreTablesReport, restoreTables } from '../restore/restore-tables.ts';
import { startServer } from '../sandbox/server.ts';
import { expectSchemaNow } from './drift.ts';
import {
  allBackups,
  findAnywhere,
  type NewBackup,
  type PlacedBackups,
  readyToKeep,
  withFiles,
} from './keeping.ts';
import { doing, type Project, reading, type Target, targetNamed } from './project.ts';

/** Backs up an environment by itself, for the journal too. */
export async function backUpEnvironment(
  project: Project,
  request: {
    readonly environment: string;
    readonly reason: string;
    /** Hashes the rows of every table, whatever the configuration says. */
    readonly hashAll?: boolean | undefined;
  },
): Promise<NewBackup> {
  const target = targetNamed(project, request.environment);
  return doing(project, target, { command: 'backup', changes: true }, async () => {
    const backup = await takeBackup(project, target, { ...request, plan: null });
    return { result: backup, backup: backup.name };
  });
}

/** Backs up an environment as a part of a larger command. */
export async function takeBackup(
  project: Project,
  target: Target,
  how: {
    readonly reason: string;
    readonly plan: string | null;
    /** File names of the migrations of that plan. */
    readonly pending?: readonly string[];
    readonly hashAll?: boolean | undefined;
    /** A snapshot that another session has exported. */
    readonly snapshot?: string;
  },
): Promise<NewBackup> {
  const { config, context, actor } = project;
  const { environment } = target;
  const ledger = await reading(project, target, readLedger);
  const store = await readyToKeep(project, environment.name);
  const backup = await backUp(context, {
    environment: environment.name,
    address: target.address,
    backups: config.backups,
    namesElsewhere: store.names,
    by: actor,
    ledger: ledger.map((row) => row.version),
    gitCommit: (await findRelease(config.root, 'HEAD'))?.commit ?? null,
    reason: how.reason,
    plan: how.plan,
    pending: how.pending ?? [],
    snapshot: how.snapshot,
    ...(how.hashAll === true || environment.hashBackups === 'all'
      ? { hashUpToBytes: Infinity }
      : {}),
  });
  return await store.keep(backup);
}

/** The backups of an environment, newest first. */
export async function backupsOf(project: Project, environment: string): Promise<PlacedBackups> {
  targetNamed(project, environment);
  return allBackups(project, environment);
}

/** The newest backup that was restored and compared; null when there is none. */
export async function newestProof(
  project: Project,
  target: Target,
): Promise<{ readonly file: string; readonly takenAt: Date; readonly restoreMs: number } | null> {
  const { backups } = await allBackups(project, target.environment.name);
  for (const backup of backups) {
    const proof = validProof(backup);
    if (proof !== null) {
      const takenAt = new Date(backup.manifest.endedAt);
      return { file: backup.name, takenAt, restoreMs: proof.restoreMs };
    }
  }
  return null;
}

/** The backup of that name or path, or the newest one. */
export async function backupNamed(
  project: Project,
  target: Target,
  wanted = 'latest',
): Promise<Backup> {
  return findAnywhere(project, target.environment.name, wanted);
}

/** Restores a backup into a throw-away server, compares it, and works on that copy. */
export async function withProvenCopy<T>(
  project: Project,
  backup: Backup,
  work: (copy: Address, proof: Proof, server: CopyServer) => Promise<T>,
  how: { readonly thorough?: boolean; readonly keep?: boolean } = {},
): Promise<T> {
  const { context } = project;
  try {
    return await withFiles(project, backup, async (here) => {
      const proven = await prove(context, {
        backup: here,
        ...how,
        startServer: (wanted) => startServer(context, wanted),
      });
      return await withCleanup(
        () => work(proven.database, proven.proof, proven.server),
        () => (how.keep === true ? proven.server.keep() : proven.server.stop()),
      );
    });
  } catch (failure) {
    throw aboutCopy(context, failure);
  }
}

// It happened on a throw-away server, whatever it was: the environment itself is untouched. Ctrl-C ends
// that server at once, so what fails then is a lost connection and means no more than Ctrl-C.
function aboutCopy({ signal }: Context, failure: unknown): unknown {
  if (signal.aborted) return interrupted();
  return failure instanceof Failure ? failure.withState('untouched') : failure;
}

/** Proves a backup by itself, for the journal too. */
export async function proveBackup(
  project: Project,
  request: {
    readonly environment: string;
    readonly backup?: string | undefined;
    /** Examines every page of every table and index of the copy as well. */
    readonly thorough?: boolean;
  },
): Promise<{ readonly backup: string; readonly proof: Proof }> {
  const target = targetNamed(project, request.environment);
  const backup = await backupNamed(project, target, request.backup);
  return doing(
    project,
    target,
    { command: 'prove', backup: backup.name, changes: false },
    async () => {
      const { thorough = false } = request;
      const proof = await withProvenCopy(project, backup, async (_copy, made) => made, {
        thorough,
      });
      return {
        result: { backup: backup.name, proof },
        details: { restoreMs: Math.round(proof.restoreMs) },
      };
    },
  );
}

/** A wish to bring a backup back. */
export interface RestoreRequest {
  readonly environment: string;
  /** Path or name; the newest backup when left out. */
  readonly backup?: string | undefined;
  /** Asked when the restored database stands ready beside the live one. */
  readonly confirmSwap: (question: SwapQuestion) => Promise<boolean>;
}

/**
 * Brings a backup back beside the live database and swaps their names. Works too when the live
 * database is gone. The journal lives on in the restored one.
 */
export async function restoreEnvironment(
  project: Project,
  request: RestoreRequest,
): Promise<RestoreReport> {
  const target = targetNamed(project, request.environment);
  const backup = await backupNamed(project, target, request.backup);
  const bringBack = (): Promise<RestoreReport> =>
    withFiles(project, backup, (here) =>
      restore(project.context, {
        environment: target.environment.name,
        live: target.address,
        backup: here,
        confirmSwap: request.confirmSwap,
        carryOver: carryOver(project, target),
      }),
    );
  const deed = { command: 'restore', backup: backup.name };
  const told = (report: RestoreReport): Outcome<RestoreReport> => ({
    result: report,
    refused: report.outcome === 'refused',
    details: {
      broken: report.broken,
      restoreMs: Math.round(report.restoreMs),
      pauseMs: Math.round(report.pauseMs),
      sizeBytes: backup.manifest.source.sizeBytes,
    },
  });
  if (await isLive(target)) {
    // The last entry of this command goes to the database that has the name by then: the restored one.
    return doing(project, target, { ...deed, changes: true }, async () => told(await bringBack()));
  }
  const report = await bringBack();
  return doing(project, target, { ...deed, changes: false }, async () => told(report));
}

/** What a restored database takes over: it is marked, and the journal lives on in it. */
export function carryOver(
  { actor }: Project,
  { environment }: Target,
): RestoreOptions['carryOver'] {
  return async (restored, broken) => {
    await prepareEnvironment(restored, environment.name, actor);
    if (broken !== undefined) await carryJournal(broken, restored);
  };
}

/** Brings a backup back as a new database of the same server. */
export async function restoreUnderName(
  project: Project,
  request: Pick<RestoreRequest, 'environment' | 'backup'> & { readonly name: string },
): Promise<RestoreBesideReport> {
  const target = targetNamed(project, request.environment);
  const backup = await backupNamed(project, target, request.backup);
  const { name } = request;
  const options = { environment: target.environment.name, live: target.address, name };
  const bringBack = (): Promise<RestoreBesideReport> =>
    withFiles(project, backup, (here) =>
      restoreBeside(project.context, { ...options, backup: here }),
    );
  if (!(await isLive(target))) return bringBack();
  const deed = { command: 'restore', backup: backup.name, changes: false };
  return doing(project, target, deed, async () => ({
    result: await bringBack(),
    details: { into: name },
  }));
}

/** Brings a backup back into the empty database of another environment. */
export async function restoreIntoEnvironment(
  project: Project,
  request: Pick<RestoreRequest, 'environment' | 'backup'> & { readonly to: string },
): Promise<RestoreElsewhereReport> {
  const target = targetNamed(project, request.environment);
  const backup = await backupNamed(project, target, request.backup);
  const into = targetNamed(project, request.to).address;
  const environment = target.environment.name;
  const bringBack = (): Promise<RestoreElsewhereReport> =>
    withFiles(project, backup, (here) =>
      restoreElsewhere(project.context, { environment, backup: here, into }),
    );
  if (into.equals(target.address) || !(await isLive(target))) return bringBack();
  const deed = { command: 'restore', backup: backup.name, changes: false };
  return doing(project, target, deed, async () => ({
    result: await bringBack(),
    details: { into: into.label },
  }));
}

/** Brings single tables of a backup back beside the live ones. */
export async function restoreSomeTables(
  project: Project,
  request: Pick<RestoreRequest, 'environment' | 'backup'> & { readonly tables: readonly string[] },
): Promise<RestoreTablesReport> {
  const target = targetNamed(project, request.environment);
  const backup = await backupNamed(project, target, request.backup);
  const { tables } = request;
  const options = { environment: target.environment.name, live: target.address, tables };
  const deed = { command: 'restore', backup: backup.name, changes: true };
  return doing(project, target, deed, async () => {
    const report = await withFiles(project, backup, (here) =>
      restoreTables(project.context, { ...options, backup: here }),
    );
    await expectSchemaNow(target);
    return { result: report, details: { schema: report.schema, tables } };
  });
}

// A database that is gone, or that a killed restore left closed, has no journal to write to.
async function isLive({ address }: Target): Promise<boolean> {
  try {
    await using database = await connect(address, { purpose: 'restore' });
    return database.pid > 0;
  } catch {
    return false;
  }
}
