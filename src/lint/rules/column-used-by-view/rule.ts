import { rangeOfKey } from '../../model/names.ts';
import type { Rule } from '../../rule.ts';
import { quoted, shown } from '../../sql/node.ts';
import { alterations } from '../../statement.ts';

export const columnUsedByView: Rule = {
  id: 'column-used-by-view',
  hazard: 39,
  severity: 'error',
  concern: 'cannot-run',
  title: 'A column that a view uses is changed or dropped',
  why: 'The server refuses to change the type of such a column, or to drop it without CASCADE.',
  safeForm: 'Drop the view, change the column, create the view again, in one transaction.',
  on: ['AlterTableStmt'],
  commands: ['AT_AlterColumnType', 'AT_DropColumn'],
  *check(statement, { schema }) {
    for (const { table, name, command, start, end } of alterations(
      statement,
      'AT_AlterColumnType',
      'AT_DropColumn',
    )) {
      const used = `${schema.key(table)}.${name}`;
      const view = [...schema.views].find(([, columns]) => columns.includes(used))?.[0];
      if (view === undefined || command.behavior === 'DROP_CASCADE') continue;
      yield {
        start,
        end,
        objects: [shown(table), shown(rangeOfKey(view))],
        message: `The view ${shown(rangeOfKey(view))} uses ${quoted(name)}: the server refuses this.`,
      };
    }
  },
};
