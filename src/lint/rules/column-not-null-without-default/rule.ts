import { columnsAddedToRows } from '../../added-column.ts';
import type { Rule } from '../../rule.ts';
import { isNull } from '../../sql/expression.ts';
import { quoted, shown } from '../../sql/node.ts';
import { dataType, isSerial } from '../../sql/type-name.ts';
import { constraintOf } from '../../statement.ts';

export const columnNotNullWithoutDefault: Rule = {
  id: 'column-not-null-without-default',
  hazard: 18,
  severity: 'error',
  concern: 'cannot-run',
  title: 'ADD COLUMN NOT NULL without a default',
  why: 'It fails as soon as the table holds one row; and running code that does not know the column fails to insert.',
  safeForm: 'Give the column a default, or add it nullable, fill it, and make it NOT NULL later.',
  on: ['AlterTableStmt'],
  commands: ['AT_AddColumn'],
  *check(statement, { schema }) {
    for (const { table, name, column, constraints, start, end } of columnsAddedToRows(
      statement,
      schema,
    )) {
      const isRequired =
        constraintOf(constraints, 'CONSTR_NOTNULL') ?? constraintOf(constraints, 'CONSTR_PRIMARY');
      const given = constraintOf(constraints, 'CONSTR_DEFAULT')?.raw_expr;
      const fills =
        (given !== undefined && !isNull(given)) ||
        isSerial(dataType(column.typeName)) ||
        constraintOf(constraints, 'CONSTR_IDENTITY') !== undefined ||
        constraintOf(constraints, 'CONSTR_GENERATED') !== undefined;
      if (isRequired === undefined || fills) continue;
      yield {
        start,
        end,
        objects: [shown(table)],
        message: `${quoted(name)} would be NULL in every row that ${shown(table)} has: the statement fails unless the table is empty.`,
      };
    }
  },
};
