// Removes backups that nobody needs: into a trash folder first, and for good a day later.

import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Context, step } from '../core/context.ts';
import { formatBytes } from '../core/duration.ts';
import { cannotWrite } from '../core/write-file.ts';
import { verifyArchive } from '../postgres/archive.ts';
import { backupFolder } from './backups.ts';
import { exists, filesBeside, keepFileOf } from './file-name.ts';
import { type Backup, syncFolder, validProof } from './manifest.ts';
import {
  judgeRetention,
  type LogPosition,
  type Retainable,
  type RetentionRules,
  type Verdict,
} from './retention.ts';

/** A backup with what decides about it. */
export interface RetainableBackup extends Retainable {
  readonly stored: Backup;
}

/** What pruning would do. */
export type PrunePlan = readonly Verdict<RetainableBackup>[];

/** What pruning did. */
export interface PruneReport {
  /** Names of the backups that are in the trash now. */
  readonly trashed: readonly string[];
  readonly sizeBytes: number;
  /** Where they are until a later run removes them; null when none went. */
  readonly trash: string | null;
}

const graceMs = 24 * 3_600_000;

// pg_lsn is two hexadecimal numbers of 32 bits (manual, 8.20).
function logPosition({ manifest }: Backup): LogPosition | null {
  const { lsn, systemIdentifier, timeline } = manifest.source;
  if (lsn === null || systemIdentifier === null) return null;
  const [high = '0', low = '0'] = lsn.split('/');
  const bytes = (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
  return { server: `${systemIdentifier} ${timeline}`, bytes };
}

/** Judges the backups of an environment, wherever they are. */
export async function judgeBackups(
  backups: readonly Backup[],
  rules: RetentionRules,
): Promise<PrunePlan> {
  const retainable = backups.map(async (stored) => ({
    stored,
    name: stored.name,
    takenAt: new Date(stored.manifest.endedAt),
    sizeBytes: stored.manifest.dump.sizeBytes,
    log: logPosition(stored),
    proven: validProof(stored) !== null,
    precedesMigration: stored.manifest.plan !== null,
    marked: await exists(keepFileOf(stored.file)),
  }));
  return judgeRetention(await Promise.all(retainable), rules);
}

/**
 * Does what a plan says. Before anything goes, the newest proven backup is read again, byte by byte:
 * what relied on it may go only while it is still what was proven.
 *
 * @throws `backup/file-missing`, `backup/file-changed`
 */
export async function prune(
  context: Context,
  options: { readonly backups: string; readonly environment: string; readonly plan: PrunePlan },
): Promise<PruneReport> {
  const { backups, environment, plan } = options;
  const folder = join(backupFolder(backups, environment), '.trash');
  return await step(context, `prune the backups of ${environment}`, async (reporter) => {
    const now = context.clock.now().getTime();
    await finishMoves(folder, backupFolder(backups, environment));
    await emptyTrash(folder, now);
    const going = plan.filter(({ fate }) => fate === 'delete').map(({ backup }) => backup);
    const sizeBytes = going.reduce((sum, backup) => sum + backup.sizeBytes, 0);
    if (going.length === 0) return { trashed: [], sizeBytes, trash: null };
    const staying = plan.find(({ fate, backup }) => fate === 'keep' && backup.proven)?.backup
      .stored;
    // One that is in the store alone was compared with its record when it was listed.
    if (staying !== undefined && (await exists(staying.file))) {
      reporter.progress(`reading ${staying.name}, which stays`);
      await verifyArchive({ path: staying.file, ...staying.manifest.dump });
    }
    const trash = join(folder, String(now));
    try {
      await mkdir(trash, { recursive: true, mode: 0o700 });
      for (const { stored } of going) await moveAway(stored.file, trash);
    } catch (error) {
      throw cannotWrite(error, trash);
    }
    reporter.summary(`${going.length} in the trash, ${formatBytes(sizeBytes)}`);
    return { trashed: going.map(({ name }) => name), sizeBytes, trash };
  });
}

// The dump first: what a kill leaves behind is a manifest without one, which is no backup either.
async function moveAway(file: string, trash: string): Promise<void> {
  for (const part of [file, ...filesBeside(file)])
    if (await exists(part)) await rename(part, join(trash, basename(part)));
  await syncFolder(dirname(file));
}

// A run that was killed may have moved a dump and not yet what stands beside it.
async function finishMoves(trash: string, folder: string): Promise<void> {
  for (const time of await readdir(trash).catch(() => [])) {
    for (const name of await readdir(join(trash, time)).catch(() => [])) {
      if (!name.endsWith('.dump') || (await exists(join(folder, name)))) continue;
      for (const file of filesBeside(join(folder, name)))
        if (await exists(file)) await rename(file, join(trash, time, basename(file)));
    }
  }
}

// Each folder in the trash is named by the time in which it was made.
async function emptyTrash(folder: string, now: number): Promise<void> {
  for (const name of await readdir(folder).catch(() => []))
    if (/^\d+$/.test(name) && Number(name) + graceMs < now)
      await rm(join(folder, name), { recursive: true });
}
