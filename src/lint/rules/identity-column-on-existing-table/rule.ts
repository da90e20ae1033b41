import { columnsAddedToRows } from '../../added-column.ts';
import { addColumnPlan } from '../../fix/column-plan.ts';
import type { Rule } from '../../rule.ts';
import { quoted, shown } from '../../sql/node.ts';
import { constraintOf } from '../../statement.ts';

export const identityColumnOnExistingTable: Rule = {
  id: 'identity-column-on-existing-table',
  hazard: 12,
  severity: 'error',
  concern: 'lock',
  title: 'ADD COLUMN … AS IDENTITY on a table with rows',
  why: 'Every row gets a number: the table and all its indexes are rewritten under ACCESS EXCLUSIVE.',
  safeForm:
    'Add a plain nullable bigint, fill it in batches (-- drydock: batch), make it NOT NULL, then ALTER COLUMN … ADD GENERATED (brief).',
  work: 'rewrite',
  on: ['AlterTableStmt'],
  commands: ['AT_AddColumn'],
  *check(statement, context) {
    const { schema } = context;
    for (const { table, name, column, constraints, start, end } of columnsAddedToRows(
      statement,
      schema,
    )) {
      if (!constraintOf(constraints, 'CONSTR_IDENTITY')) continue;
      yield {
        start,
        end,
        objects: [shown(table)],
        message: `Numbering ${quoted(name)} rewrites all of ${shown(table)} while nobody can read it.`,
        fix: addColumnPlan(statement, column, context),
      };
    }
  },
};
