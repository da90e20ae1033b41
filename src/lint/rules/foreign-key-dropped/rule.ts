import { rangeOfKey } from '../../model/names.ts';
import type { Rule } from '../../rule.ts';
import { shown } from '../../sql/node.ts';
import { alterations } from '../../statement.ts';

export const foreignKeyDropped: Rule = {
  id: 'foreign-key-dropped',
  hazard: 29,
  severity: 'info',
  concern: 'lock',
  title: 'DROP CONSTRAINT on a foreign key',
  why: 'It takes ACCESS EXCLUSIVE on both tables, briefly.',
  safeForm: 'Nothing to change: Drydock waits for the locks only briefly and tries again.',
  on: ['AlterTableStmt'],
  commands: ['AT_DropConstraint'],
  *check(statement, { schema }) {
    for (const { table, name, start, end } of alterations(statement, 'AT_DropConstraint')) {
      const known = schema.table(table)?.constraints.get(name);
      const looksLikeOne =
        known?.kind === 'foreign key' || (known === undefined && /_fkey$|^fk_/.test(name));
      if (!looksLikeOne || schema.isNew(table)) continue;
      const other = rangeOfKey(known?.references);
      yield {
        start,
        end,
        objects: other === undefined ? [shown(table)] : [shown(table), shown(other)],
        message: `${shown(table)} and ${other === undefined ? 'the referenced table' : shown(other)} are both locked against reads and writes for a moment.`,
      };
    }
  },
};
