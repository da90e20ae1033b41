import { columnsAddedToRows } from '../../added-column.ts';
import { addColumnPlan } from '../../fix/column-plan.ts';
import type { Rule } from '../../rule.ts';
import { quoted, shown } from '../../sql/node.ts';
import { dataType, isSerial } from '../../sql/type-name.ts';

export const serialColumnOnExistingTable: Rule = {
  id: 'serial-column-on-existing-table',
  hazard: 11,
  severity: 'error',
  concern: 'lock',
  title: 'ADD COLUMN serial on a table with rows',
  why: 'Every row gets the next value of the sequence: the table and all its indexes are rewritten under ACCESS EXCLUSIVE.',
  safeForm:
    'Add a plain nullable column, a sequence as its default, and fill old rows in batches (-- drydock: batch).',
  work: 'rewrite',
  on: ['AlterTableStmt'],
  commands: ['AT_AddColumn'],
  *check(statement, context) {
    const { schema } = context;
    for (const { table, name, column, start, end } of columnsAddedToRows(statement, schema)) {
      if (!isSerial(dataType(column.typeName))) continue;
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
