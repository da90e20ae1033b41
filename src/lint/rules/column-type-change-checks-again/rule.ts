import type { Rule } from '../../rule.ts';
import { shown } from '../../sql/node.ts';
import { typeChanges } from '../../type-change.ts';

export const columnTypeChangeChecksAgain: Rule = {
  id: 'column-type-change-checks-again',
  hazard: 37,
  severity: 'error',
  concern: 'lock',
  title:
    'A change of type, without a rewrite, of a column with a CHECK or an index on an expression',
  why: 'The rows stay as they are, but every CHECK on the column is checked again, and every index whose expression or WHERE reads it is built again: the whole table is read under ACCESS EXCLUSIVE.',
  safeForm:
    'Drop the CHECK or the index, change the type, then add the CHECK again NOT VALID and VALIDATE it in another transaction, or build the index CONCURRENTLY.',
  work: 'scan',
  on: ['AlterTableStmt'],
  commands: ['AT_AlterColumnType'],
  *check(statement, { schema }) {
    for (const { table, name, cost, start, end } of typeChanges(statement, schema)) {
      const checks = [...(schema.table(table)?.constraints.values() ?? [])].filter(
        (each) => each.kind === 'check' && each.columns.includes(name),
      );
      const indexes = schema.indexesOf(table).filter((each) => each.readsColumns.includes(name));
      if (cost !== 'none' || checks.length + indexes.length === 0) continue;
      const again = [...checks, ...indexes].map((each) => each.name).join(', ');
      yield {
        start,
        end,
        objects: [shown(table)],
        work: checks.length > 0 ? 'scan' : 'index build',
        message: `${again} is ${checks.length > 0 ? 'checked' : 'built'} again: all of ${shown(table)} is read while nobody can use it.`,
      };
    }
  },
};
