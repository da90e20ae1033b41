import type { Rule } from '../../rule.ts';
import { shown } from '../../sql/node.ts';
import { typeChanges } from '../../type-change.ts';

export const columnTypeChangeChecksAgain: Rule = {
  id: 'column-type-change-checks-again',
  hazard: 37,
  severity: 'error',
  concern: 'lock',
  title: 'A change of type, without a rewrite, of a column with a CHECK',
  why: 'The rows stay as they are, but every CHECK on the column is checked again: the whole table is read under ACCESS EXCLUSIVE.',
  safeForm:
    'Drop the CHECK, change the type, add the CHECK again NOT VALID, and VALIDATE it in another transaction.',
  work: 'scan',
  on: ['AlterTableStmt'],
  commands: ['AT_AlterColumnType'],
  *check(statement, { schema }) {
    for (const { table, name, cost, start, end } of typeChanges(statement, schema)) {
      const checks = [...(schema.table(table)?.constraints.values() ?? [])].filter(
        (each) => each.kind === 'check' && each.columns.includes(name),
      );
      if (cost !== 'none' || checks.length === 0) continue;
      yield {
        start,
        end,
        objects: [shown(table)],
        message: `${checks.map((each) => each.name).join(', ')} is checked again: all of ${shown(table)} is read while nobody can use it.`,
      };
    }
  },
};
