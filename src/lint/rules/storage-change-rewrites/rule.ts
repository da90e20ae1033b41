import type { Rule } from '../../rule.ts';
import { shown } from '../../sql/node.ts';
import { alterations } from '../../statement.ts';

export const storageChangeRewrites: Rule = {
  id: 'storage-change-rewrites',
  hazard: 56,
  severity: 'error',
  concern: 'lock',
  title: 'SET LOGGED, UNLOGGED, TABLESPACE or ACCESS METHOD',
  why: 'The whole table is written to its new place under ACCESS EXCLUSIVE, when it really changes.',
  safeForm:
    'No form of it works online: choose a quiet window and rehearse it, or move the rows to a new table in batches (-- drydock: batch).',
  work: 'rewrite',
  on: ['AlterTableStmt'],
  commands: ['AT_SetAccessMethod', 'AT_SetLogged', 'AT_SetTableSpace', 'AT_SetUnLogged'],
  *check(statement, { schema }) {
    const kinds = [
      'AT_SetLogged',
      'AT_SetUnLogged',
      'AT_SetTableSpace',
      'AT_SetAccessMethod',
    ] as const;
    for (const { kind, table, start, end } of alterations(statement, ...kinds)) {
      if (schema.isNew(table)) continue;
      yield {
        start,
        end,
        objects: [shown(table)],
        message: `All of ${shown(table)} is written anew while nobody can read it${kind === 'AT_SetUnLogged' ? '; a crash of the server will empty it' : ''}.`,
      };
    }
  },
};
