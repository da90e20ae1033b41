import { validateLater } from '../../fix/edit.ts';
import type { Rule } from '../../rule.ts';
import { shown } from '../../sql/node.ts';
import { addedConstraints } from '../../statement.ts';

export const foreignKeyWithoutNotValid: Rule = {
  id: 'foreign-key-without-not-valid',
  hazard: 21,
  severity: 'warning',
  concern: 'lock',
  title: 'ADD FOREIGN KEY without NOT VALID',
  why: 'Both tables are locked with SHARE ROW EXCLUSIVE, which blocks writes, while every row is looked up.',
  safeForm:
    'ADD CONSTRAINT … NOT VALID (brief), then VALIDATE CONSTRAINT in another transaction (blocks neither reads nor writes).',
  work: 'scan',
  on: ['AlterTableStmt'],
  commands: ['AT_AddConstraint'],
  *check(statement, { schema, transaction }) {
    for (const { table, constraint, start, end } of addedConstraints(statement, 'CONSTR_FOREIGN')) {
      if (constraint.skip_validation || constraint.is_enforced === false || schema.isNew(table))
        continue;
      const isParted = schema.table(table)?.kind === 'partitioned table';
      yield {
        start,
        end,
        objects: [shown(table), shown(constraint.pktable)],
        message: `Looking up every row blocks writes to ${shown(table)} and ${shown(constraint.pktable)} until all of them are checked.`,
        fix: isParted ? undefined : validateLater(statement, transaction),
      };
    }
  },
};
