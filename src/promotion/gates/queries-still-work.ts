// The application that runs now goes on running while the schema changes below it: none of its
// statements may break.

import { closed, closedUntilApply, type Gate, open } from '../gate.ts';

export const queriesStillWork: Gate = {
  id: 'queries-still-work',
  title: 'Queries of the application still work',
  judge: ({ environment, rehearsal }) => {
    const howToSee = `drydock rehearse ${environment.name}`;
    if (rehearsal === null) return closedUntilApply('the rehearsal asks the copy', howToSee);
    const { queries, oldCode } = rehearsal;
    if (queries === undefined) return closed('the copy was not asked', howToSee);
    const { broken, code } = queries;
    const status = oldCode?.exitCode ?? 0;
    const problems = [
      ...counted(broken.length, 'query', 'queries'),
      ...counted(code.broken.length, 'view or function', 'views or functions'),
      ...(status !== 0 ? ['the command of the project'] : []),
    ];
    if (problems.length > 0) {
      return closed(
        `${problems.join(', ')} would not work any more: ${broken[0]?.reason ?? code.broken[0]?.reason ?? `status ${status}`}`,
        `Keep what they use until the code that uses it is gone; see them with: ${howToSee}`,
      );
    }
    const unknown = queries.notChecked.length;
    // Never passed in silence: who has no pg_stat_statements is told what was not looked at.
    return queries.checked === 0
      ? open(`no query was known: ${queries.sources[0]?.problem ?? 'none was counted'}`)
      : open(`${queries.checked} work as before${unknown === 0 ? '' : `; ${unknown} not checked`}`);
  },
};

function counted(count: number, one: string, many: string): string[] {
  return count === 0 ? [] : [`${count} ${count === 1 ? one : many}`];
}
