import { referencedTables } from '../../model/names.ts';
import type { Rule } from '../../rule.ts';
import { shown } from '../../sql/node.ts';
import { bodyOf } from '../../statement.ts';

export const newTableReferencesLiveTable: Rule = {
  id: 'new-table-references-live-table',
  hazard: 23,
  severity: 'info',
  concern: 'lock',
  title: 'CREATE TABLE … REFERENCES a table that is in use',
  why: 'The referenced table is locked with SHARE ROW EXCLUSIVE, briefly: writes to it wait for that moment.',
  safeForm: 'Nothing to change: Drydock waits for the lock only briefly and tries again.',
  on: ['CreateStmt'],
  *check(statement, { schema }) {
    const create = bodyOf(statement, 'CreateStmt');
    const live = referencedTables(create).find(
      (table) => !schema.isNew(table) && schema.key(table) !== schema.key(create?.relation),
    );
    if (live === undefined) return;
    yield {
      objects: [shown(live)],
      message: `${shown(live)} accepts no writes for the moment in which the foreign key is made.`,
    };
  },
};
