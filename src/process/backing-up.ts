// Backups, and the proof of one: it was restored and compared.

import { backUp } from '../backup/back-up.ts';
import type { CopyServer } from '../backup/copy.ts';
import { type Backup, type Proof, validProof } from '../backup/manifest.ts';
import { type ProveOptions, prove } from '../backup/prove.ts';
import { type Context, interrupted } from '../core/context.ts';
import { whileCopyHasRoom } from '../core/copy-room.ts';
import { Failure, withCleanup } from '../core/failure.ts';
import { readLedger } from '../history/ledger.ts';
import type { Address } from '../postgres/address.ts';
import { findRelease } from '../release/release.ts';
import { startCopyServer } from './copy-server.ts';
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
  how: Pick<ProveOptions, 'thorough' | 'statistics'> & { readonly keep?: boolean } = {},
): Promise<T> {
  const { context } = project;
  let folder: string | undefined;
  // When there is no room, the server is ended like by Ctrl-C, and whatever is done there with it.
  const proveAndWork = async (signal: AbortSignal): Promise<T> => {
    const stoppable = { ...project, context: { ...context, signal } };
    return await withFiles(stoppable, backup, async (here) => {
      const proven = await prove(stoppable.context, {
        backup: here,
        statistics: true,
        ...how,
        startServer: async (wanted) => {
          const server = await startCopyServer(stoppable, wanted);
          folder = server.folder;
          return server;
        },
      });
      return await withCleanup(
        () => work(proven.database, proven.proof, proven.server),
        () => (how.keep === true ? proven.server.keep() : proven.server.stop()),
      );
    });
  };
  try {
    const { signal } = context;
    return await whileCopyHasRoom({ folder: () => folder, signal, work: proveAndWork });
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
        statistics: false,
      });
      return {
        result: { backup: backup.name, proof },
        details: { restoreMs: Math.round(proof.restoreMs) },
      };
    },
  );
}
