import type { Rule } from '../../rule.ts';
import { pickAll, quoted, shown } from '../../sql/node.ts';
import { alterations, bodyOf } from '../../statement.ts';

export const dropColumn: Rule = {
  id: 'drop-column',
  hazard: 44,
  severity: 'error',
  concern: 'data-loss',
  title: 'DROP COLUMN',
  why: "The column's data is gone when the transaction commits, and so are its indexes and constraints. Running code that still names it fails. The lock itself is brief.",
  safeForm:
    'Deploy code that does not use it, keep a proven backup, then allow it with a reason: -- drydock: allow drop-column because …',
  on: ['AlterTableStmt'],
  commands: ['AT_DropColumn'],
  *check(statement, { schema }) {
    const alter = bodyOf(statement, 'AlterTableStmt');
    for (const command of pickAll(alter?.cmds, 'AlterTableCmd')) {
      // ALTER TYPE … DROP ATTRIBUTE
      if (alter?.objtype !== 'OBJECT_TYPE' || command.subtype !== 'AT_DropColumn') continue;
      yield {
        objects: [shown(alter.relation)],
        lock: null,
        message: `Every stored value of ${shown(alter.relation)} loses its ${quoted(command.name ?? '')}; code that names it fails.`,
      };
    }
    for (const { table, name, start, end } of alterations(statement, 'AT_DropColumn')) {
      if (schema.isNew(table)) continue;
      yield {
        start,
        end,
        objects: [shown(table)],
        message: `Everything in ${shown(table)}.${quoted(name)} is lost, with its indexes and constraints; code that names it fails.`,
      };
    }
  },
};
