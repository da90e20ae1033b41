import { columnsAddedToRows } from '../../added-column.ts';
import { inlineUniquePlan } from '../../fix/plan.ts';
import type { Rule } from '../../rule.ts';
import { quoted, shown } from '../../sql/node.ts';
import { constraintOf } from '../../statement.ts';

export const columnWithInlineUnique: Rule = {
  id: 'column-with-inline-unique',
  hazard: 16,
  severity: 'error',
  concern: 'lock',
  title: 'ADD COLUMN with UNIQUE or PRIMARY KEY at the column',
  why: 'The server builds the index under ACCESS EXCLUSIVE: nobody can read or write until it is done.',
  safeForm: 'Add the column, CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX.',
  work: 'index build',
  on: ['AlterTableStmt'],
  commands: ['AT_AddColumn'],
  *check(statement, { schema }) {
    for (const { table, name, constraints, start, end } of columnsAddedToRows(statement, schema)) {
      const isUnique =
        constraintOf(constraints, 'CONSTR_UNIQUE') ?? constraintOf(constraints, 'CONSTR_PRIMARY');
      if (isUnique === undefined) continue;
      yield {
        start,
        end,
        objects: [shown(table)],
        fix: inlineUniquePlan(statement),
        message: `Building the index for ${quoted(name)} locks ${shown(table)} against reads and writes until it is done.`,
      };
    }
  },
};
