import { columnsAddedToRows } from '../../added-column.ts';
import type { Rule } from '../../rule.ts';
import { quoted, shown } from '../../sql/node.ts';
import { constraintOf } from '../../statement.ts';

export const columnWithReference: Rule = {
  id: 'column-with-reference',
  hazard: 17,
  severity: 'info',
  concern: 'lock',
  title: 'ADD COLUMN … REFERENCES',
  why: 'Without a default nothing is read: a brief ACCESS EXCLUSIVE on the table and SHARE ROW EXCLUSIVE on the referenced one. With a default that is not NULL both tables are read under those locks.',
  safeForm:
    'With a default: add the column, then the foreign key NOT VALID, then VALIDATE it. Without one: nothing to change.',
  on: ['AlterTableStmt'],
  commands: ['AT_AddColumn'],
  *check(statement, { schema }) {
    for (const { table, name, constraints, start, end } of columnsAddedToRows(statement, schema)) {
      const reference = constraintOf(constraints, 'CONSTR_FOREIGN');
      if (reference === undefined) continue;
      const given = constraintOf(constraints, 'CONSTR_DEFAULT')?.raw_expr;
      // Any default makes the server look up every row, even DEFAULT NULL.
      const reads = given !== undefined;
      yield {
        start,
        end,
        objects: [shown(table), shown(reference.pktable)],
        severity: reads ? 'error' : 'info',
        work: reads ? 'scan' : 'none',
        message: reads
          ? `Every row of ${shown(table)} gets a value in ${quoted(name)} that is looked up in ${shown(reference.pktable)} while both are locked.`
          : `${shown(reference.pktable)} accepts no writes for the moment in which ${quoted(name)} is added.`,
      };
    }
  },
};
