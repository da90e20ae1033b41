import { columnsAddedToRows } from '../../added-column.ts';
import { addColumnPlan } from '../../fix/column-plan.ts';
import type { Rule } from '../../rule.ts';
import { volatility } from '../../sql/expression.ts';
import { quoted, shown } from '../../sql/node.ts';
import { constraintOf } from '../../statement.ts';

export const columnWithVolatileDefault: Rule = {
  id: 'column-with-volatile-default',
  hazard: 10,
  severity: 'error',
  concern: 'lock',
  title: 'ADD COLUMN with a volatile default',
  why: 'A default that must be computed for each row rewrites the table and all its indexes under ACCESS EXCLUSIVE. Constants and stable expressions such as now() do not (11 and newer).',
  safeForm:
    'Add the column without a default, SET DEFAULT for new rows, fill old rows in batches (-- drydock: batch).',
  work: 'rewrite',
  on: ['AlterTableStmt'],
  commands: ['AT_AddColumn'],
  *check(statement, context) {
    const { schema } = context;
    for (const { table, name, column, constraints, start, end } of columnsAddedToRows(
      statement,
      schema,
    )) {
      const expression = constraintOf(constraints, 'CONSTR_DEFAULT')?.raw_expr;
      const cost = volatility(expression, schema.volatilityOf);
      if (cost === 'once') continue;
      yield {
        start,
        end,
        objects: [shown(table)],
        dependsOn:
          cost === 'unknown' ? 'whether the function in the default is volatile' : undefined,
        message: `The default of ${quoted(name)} is computed for each row: all of ${shown(table)} is rewritten while nobody can read it.`,
        fix: addColumnPlan(statement, column, context),
      };
    }
  },
};
