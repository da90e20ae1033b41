import type { Rule } from '../../rule.ts';
import { quoted, shown } from '../../sql/node.ts';
import { typeChanges } from '../../type-change.ts';

export const typeChangeBreaksPreparedStatements: Rule = {
  id: 'type-change-breaks-prepared-statements',
  hazard: 40,
  severity: 'info',
  concern: 'compatibility',
  title: 'A change of type while sessions hold prepared statements',
  why: 'A prepared statement that returns the column fails with "cached plan must not change result type" in sessions that prepared it before, even for a wider varchar.',
  safeForm: "Restart the application's connections after the apply.",
  on: ['AlterTableStmt'],
  commands: ['AT_AlterColumnType'],
  *check(statement, { schema }) {
    for (const { table, name, start, end } of typeChanges(statement, schema)) {
      yield {
        start,
        end,
        objects: [shown(table)],
        message: `Sessions with prepared statements that return ${shown(table)}.${quoted(name)} get an error once.`,
      };
    }
  },
};
