import type { Rule } from '../../rule.ts';
import { shown } from '../../sql/node.ts';
import { addedConstraints } from '../../statement.ts';

export const exclusionConstraintOnExistingTable: Rule = {
  id: 'exclusion-constraint-on-existing-table',
  hazard: 27,
  severity: 'error',
  concern: 'lock',
  title: 'ADD EXCLUDE on a table with rows',
  why: 'The server builds the index and checks all rows under ACCESS EXCLUSIVE; there is no NOT VALID and no USING INDEX for it.',
  safeForm:
    'No form of it works online: make a new table with the constraint and swap, or choose a quiet window and rehearse it.',
  work: 'index build',
  on: ['AlterTableStmt'],
  commands: ['AT_AddConstraint'],
  *check(statement, { schema }) {
    for (const { table, start, end } of addedConstraints(statement, 'CONSTR_EXCLUSION')) {
      if (schema.isNew(table)) continue;
      yield {
        start,
        end,
        objects: [shown(table)],
        message: `Building the constraint locks ${shown(table)} against reads and writes until it is done.`,
      };
    }
  },
};
