import { uniquePlan } from '../../fix/plan.ts';
import type { Rule } from '../../rule.ts';
import { shown, strings } from '../../sql/node.ts';
import { addedConstraints } from '../../statement.ts';

export const uniqueConstraintWithoutIndex: Rule = {
  id: 'unique-constraint-without-index',
  hazard: 24,
  severity: 'error',
  concern: 'lock',
  title: 'ADD UNIQUE without USING INDEX',
  why: 'The server builds the index under ACCESS EXCLUSIVE: nobody can read or write until it is done.',
  safeForm: 'CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … UNIQUE USING INDEX (brief).',
  work: 'index build',
  on: ['AlterTableStmt'],
  commands: ['AT_AddConstraint'],
  *check(statement, { schema }) {
    for (const { table, constraint, name, start, end } of addedConstraints(
      statement,
      'CONSTR_UNIQUE',
    )) {
      if (constraint.indexname !== undefined || schema.isNew(table)) continue;
      yield {
        start,
        end,
        objects: [shown(table)],
        message: `Building the index locks ${shown(table)} against reads and writes until it is done.`,
        fix: uniquePlan(statement, {
          table,
          name,
          columns: strings(constraint.keys),
          kind: 'UNIQUE',
        }),
      };
    }
  },
};
