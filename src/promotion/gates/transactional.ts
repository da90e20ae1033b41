// "Has BEGIN/COMMIT transaction": the file's own, or the one that Drydock makes around it.

import { closed, type Gate, open } from '../gate.ts';

export const transactional: Gate = {
  id: 'transactional',
  title: 'Has BEGIN/COMMIT transaction',
  judge: ({ migrations }) => {
    const torn = migrations.filter(({ steps }) => steps.length > 1);
    if (torn.length > 0) {
      return closed(
        torn
          .map(({ name, steps }) => `${name} takes ${steps.length} steps, each in force by itself`)
          .join('; '),
        'put what belongs together between one BEGIN and one COMMIT, and what cannot be there (CONCURRENTLY) in a file of its own',
      );
    }
    const managed = migrations.filter((migration) => !migration.hasOwnTransaction);
    return managed.length === 0
      ? open('BEGIN and COMMIT stand in the file')
      : open('one step each: Drydock makes the transaction where the statement allows one');
  },
};
