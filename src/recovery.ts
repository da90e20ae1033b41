// The ways back: taking backups, proving them by restoring them, and bringing one back in an emergency.

import { backUp } from './backup/back-up.ts';
import { type BackupList, findBackup, listBackups } from './backup/backups.ts';
import { type Backup, type Proof, validProof } from './backup/manifest.ts';
import { prove } from './backup/prove.ts';
import { Failure } from './core/failure.ts';
import { readLedger } from './history/ledger.ts';
import type { Address } from './postgres/address.ts';
import { doing, type Project, reading, type Target, targetNamed } from './project.ts';
import { findRelease } from './release/release.ts';
import { startServer } from './sandbox/server.ts';

/** Backs up an environment by itself, for the journal too. */
export async function backUpEnvironment(
  project: Project,
  request: { readonly environment: string; readonly reason: string },
): Promise<Backup> {
  const target = targetNamed(project, request.environment);
  return doing(project, target, { command: 'backup', changes: true }, async () => {
    const backup = await takeBackup(project, target, { reason: request.reason, plan: null });
    return { result: backup, backup: backup.name };
  });
}

/** Backs up an environment as a part of a larger command. */
export async function takeBackup(
  project: Project,
  target: Target,
  why: { readonly reason: string; readonly plan: string | null },
): Promise<Backup> {
  const { config, context, actor } = project;
  const ledger = await reading(project, target, readLedger);
  return backUp(context, {
    environment: target.environment.name,
    address: target.address,
    backups: config.backups,
    by: actor,
    ledger: ledger.map((row) => row.version),
    gitCommit: (await findRelease(config.root, 'HEAD'))?.commit ?? null,
    ...why,
  });
}

/** The backups of an environment, newest first. */
export async function backupsOf(project: Project, environment: string): Promise<BackupList> {
  targetNamed(project, environment);
  return listBackups(project.config.backups, environment);
}
