// Which release a rollback goes back to: decided from the journal alone.

import { detailOf, type JournalEntry, type JournalRow } from '../history/journal.ts';

/**
 * The commit of the newest healthy deploy before the one in force; undefined when there is none. A release
 * that a rollback has left is given up: it is none to go back to. While a deploy that failed, or never told
 * its end, is the newest, the way back leads to the last one that was done.
 *
 * @param journal entries of the environment, newest first
 */
export function previousRelease(journal: readonly JournalRow[]): string | undefined {
  const releases = releasesOf(journal);
  const current = isHalfDone(journal) ? undefined : releases.at(-1)?.commit;
  return releases.findLast(({ commit, healthy }) => healthy && commit !== current)?.commit;
}

/** The commit of the release in force; undefined when none was ever deployed. */
export function releaseInForce(journal: readonly JournalRow[]): string | undefined {
  return releasesOf(journal).at(-1)?.commit;
}

function isHalfDone(journal: readonly JournalRow[]): boolean {
  const newest = journal.find(({ entry }) => isRelease(entry))?.entry;
  return newest?.phase === 'failed' || newest?.phase === 'begun';
}

function isRelease({ command }: JournalEntry): boolean {
  return command === 'deploy' || command === 'rollback';
}

interface Deployed {
  readonly commit: string;
  readonly healthy: boolean;
}

// Oldest first, without those that a rollback has left.
function releasesOf(journal: readonly JournalRow[]): readonly Deployed[] {
  const releases: Deployed[] = [];
  for (const { entry } of journal.toReversed()) {
    const commit = detailOf(entry, 'release');
    if (commit === undefined || entry.phase !== 'done') continue;
    if (!isRelease(entry)) continue;
    if (entry.command === 'rollback') {
      const back = releases.findLastIndex((release) => release.commit === commit);
      releases.length = Math.max(0, back);
    }
    releases.push({ commit, healthy: entry.details?.healthy === true });
  }
  return releases;
}
