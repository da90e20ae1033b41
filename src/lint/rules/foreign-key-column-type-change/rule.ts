import { rangeOfKey } from '../../model/names.ts';
import type { TableModel } from '../../model/schema.ts';
import type { Rule } from '../../rule.ts';
import { shown } from '../../sql/node.ts';
import { typeChanges } from '../../type-change.ts';

export const foreignKeyColumnTypeChange: Rule = {
  id: 'foreign-key-column-type-change',
  hazard: 42,
  severity: 'error',
  concern: 'lock',
  title: "A change of type of a foreign key's column",
  why: 'The foreign key is made again: the referenced table is locked with ACCESS EXCLUSIVE too, and both tables are read.',
  safeForm: 'Expand and contract: a new column with a new foreign key NOT VALID, validated later.',
  work: 'rewrite',
  on: ['AlterTableStmt'],
  commands: ['AT_AlterColumnType'],
  *check(statement, { schema }) {
    for (const { table, name, start, end } of typeChanges(statement, schema)) {
      const key = schema.key(table);
      const own = [...(schema.table(table)?.constraints.values() ?? [])].find(
        (each) => each.kind === 'foreign key' && each.columns.includes(name),
      );
      const pointing = [...schema.tables.values()].find(
        (other) =>
          schema.column(table, name) !== undefined &&
          isKeyColumn(schema.table(table), name) &&
          [...other.constraints.values()].some((each) => each.references === key),
      );
      const other = own?.references ?? pointing?.key;
      if (other === undefined) continue;
      yield {
        start,
        end,
        objects: [shown(table), shown(rangeOfKey(other))],
        message: `The foreign key between ${shown(table)} and ${shown(rangeOfKey(other))} is made again: both are locked against reads and writes.`,
      };
    }
  },
};

function isKeyColumn(table: TableModel | undefined, column: string): boolean {
  return [...(table?.constraints.values() ?? [])].some(
    (each) => each.kind === 'primary key' && each.columns.includes(column),
  );
}
