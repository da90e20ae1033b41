// How long a restore is likely to take: by the last one on the environment's own server, else by the proof.

import { type Backup, validProof } from '../../backup/manifest.ts';
import type { JournalEntry } from '../../history/journal.ts';
import { newestDone, type WayEvidence } from './evidence.ts';

/**
 * The time of a restore of this backup. A larger database takes longer in proportion to its size, which is
 * true of the load and of the indexes, the two that count.
 */
export function restoreTime(
  { journal }: Pick<WayEvidence, 'journal'>,
  backup: Backup,
): { readonly ms: number | null; readonly measured: string } {
  const { sizeBytes } = backup.manifest.source;
  const done = newestDone(journal, 'drill', 'restore');
  const measuredMs = figure(done, 'restoreMs');
  const measuredBytes = figure(done, 'sizeBytes');
  if (done !== undefined && measuredMs !== undefined && measuredBytes !== undefined) {
    const what = done.command === 'drill' ? 'the drill' : 'the restore';
    const ms = Math.round((measuredMs * sizeBytes) / measuredBytes);
    return { ms, measured: `${what} of ${done.at.slice(0, 10)}` };
  }
  const proof = validProof(backup);
  return proof === null
    ? { ms: null, measured: 'never measured' }
    : { ms: Math.round(proof.restoreMs), measured: 'its proof' };
}

function figure(entry: JournalEntry | undefined, name: string): number | undefined {
  const value = entry?.details?.[name];
  return typeof value === 'number' && value > 0 ? value : undefined;
}
