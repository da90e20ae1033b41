// Which release a rollback goes back to: decided from the journal alone.

import { detailOf, type JournalRow } from '../history/journal.ts';

/**
 * The commit of the newest healthy deploy that is not the one in force; undefined when there is none.
 *
 * @param journal entries of the environment, newest first
 */
export function previousRelease(journal: readonly JournalRow[]): string | undefined {
  const deploys = journal
    .filter(({ entry }) => entry.command === 'deploy' || entry.command === 'rollback')
    .map(({ entry }) => ({
      commit: detailOf(entry, 'release'),
      healthy: entry.phase === 'done' && entry.details?.healthy === true,
    }))
    .filter(({ commit }) => commit !== undefined);
  const current = deploys[0]?.commit;
  return deploys.find(({ commit, healthy }) => healthy && commit !== current)?.commit;
}
