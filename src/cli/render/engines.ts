// Backups in the hands of other programs, for people.

import type { EngineProof } from '../../backup/engine/prove-copy.ts';
import type { EngineRecord } from '../../backup/engine/record.ts';
import { formatBytes, formatDuration } from '../../core/duration.ts';
import type { EngineBackups } from '../../process/engines.ts';
import { plural, table, wrapLines } from './text.ts';

/** One new backup. */
export function renderEngineBackup({ engine, backup, environment }: EngineRecord): string {
  const size = backup.sizeBytes === null ? '' : `, ${formatBytes(backup.sizeBytes)}`;
  return wrapLines([
    `${backup.id}${size}, kept by ${engine}.`,
    `Prove that a copy can be made of it: drydock prove ${environment} --engine`,
  ]);
}

/** All backups that an engine has. */
export function renderEngineBackups({ engine, backups }: EngineBackups, now: Date): string {
  if (backups.length === 0) return `There is no backup in the hands of ${engine} yet.`;
  return table(
    [
      { title: 'backup' },
      { title: 'age', align: 'right' },
      { title: 'size', align: 'right' },
      { title: 'proven', align: 'right' },
      { title: 'why' },
    ],
    backups.map(({ id, takenAt, sizeBytes, proof, reason }) => [
      id,
      formatDuration(now.getTime() - new Date(takenAt).getTime()),
      sizeBytes === null ? '' : formatBytes(sizeBytes),
      proof?.outcome === 'done' ? formatDuration(proof.copyMs) : 'no',
      reason ?? '(not by Drydock)',
    ]),
  );
}

/** A proof that holds. */
export function renderEngineProof({ backup, copyMs, compared }: EngineProof): string {
  const { tables, rows, schemaObjects } = compared;
  return wrapLines([
    `${backup} is proven: a copy of it was there after ${formatDuration(copyMs)}.`,
    `All ${plural(rows, 'row')} of ${plural(tables, 'table')} were read; ${plural(schemaObjects, 'schema object')} are as they were, and no table that had rows is empty.`,
  ]);
}
