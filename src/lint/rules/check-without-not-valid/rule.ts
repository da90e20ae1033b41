import { validateLater } from '../../fix/edit.ts';
import type { Rule } from '../../rule.ts';
import { shown } from '../../sql/node.ts';
import { addedConstraints } from '../../statement.ts';

export const checkWithoutNotValid: Rule = {
  id: 'check-without-not-valid',
  hazard: 20,
  severity: 'error',
  concern: 'lock',
  title: 'ADD CHECK without NOT VALID',
  why: 'The server reads the whole table under ACCESS EXCLUSIVE to check every row.',
  safeForm:
    'ADD CONSTRAINT … NOT VALID (brief), then VALIDATE CONSTRAINT in another transaction (blocks neither reads nor writes).',
  work: 'scan',
  on: ['AlterTableStmt'],
  commands: ['AT_AddConstraint'],
  *check(statement, { schema, transaction }) {
    for (const { table, constraint, start, end } of addedConstraints(statement, 'CONSTR_CHECK')) {
      if (constraint.skip_validation || constraint.is_enforced === false || schema.isNew(table))
        continue;
      yield {
        start,
        end,
        objects: [shown(table)],
        message: `Checking every row locks ${shown(table)} against reads and writes until all of it is read.`,
        fix: validateLater(statement, transaction),
      };
    }
  },
};
