import type { Rule } from '../../rule.ts';
import { quoted, shown } from '../../sql/node.ts';
import { alterations } from '../../statement.ts';

export const notNullDropped: Rule = {
  id: 'not-null-dropped',
  hazard: 34,
  severity: 'info',
  concern: 'compatibility',
  title: 'DROP NOT NULL',
  why: 'Running code may meet a NULL where it never met one. The lock itself is brief.',
  safeForm: 'Deploy code that understands NULL first.',
  on: ['AlterTableStmt'],
  commands: ['AT_DropNotNull'],
  *check(statement, { schema }) {
    for (const { table, name, start, end } of alterations(statement, 'AT_DropNotNull')) {
      if (schema.isNew(table)) continue;
      yield {
        start,
        end,
        objects: [shown(table)],
        message: `Code that reads ${shown(table)}.${quoted(name)} may meet NULL from now on.`,
      };
    }
  },
};
