import { uniquePlan } from '../../fix/plan.ts';
import type { Rule } from '../../rule.ts';
import { shown, strings } from '../../sql/node.ts';
import { addedConstraints } from '../../statement.ts';

export const primaryKeyWithoutIndex: Rule = {
  id: 'primary-key-without-index',
  hazard: 25,
  severity: 'error',
  concern: 'lock',
  title: 'ADD PRIMARY KEY without USING INDEX',
  why: 'The server builds the index, and reads the table for NULLs, under ACCESS EXCLUSIVE.',
  safeForm:
    'CREATE UNIQUE INDEX CONCURRENTLY on columns that are NOT NULL, then ADD PRIMARY KEY USING INDEX (brief).',
  work: 'index build',
  on: ['AlterTableStmt'],
  commands: ['AT_AddConstraint'],
  *check(statement, { schema }) {
    for (const { table, constraint, name, start, end } of addedConstraints(
      statement,
      'CONSTR_PRIMARY',
    )) {
      if (constraint.indexname !== undefined || schema.isNew(table)) continue;
      yield {
        start,
        end,
        objects: [shown(table)],
        message: `Building the primary key locks ${shown(table)} against reads and writes until it is done.`,
        fix: uniquePlan(statement, {
          table,
          name,
          columns: strings(constraint.keys),
          kind: 'PRIMARY KEY',
        }),
      };
    }
  },
};
