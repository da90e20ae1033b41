import type { Rule } from '../../rule.ts';
import { quoted, shown } from '../../sql/node.ts';
import { shownType } from '../../sql/type-name.ts';
import { typeChanges } from '../../type-change.ts';

export const columnTypeChangeIsBrief: Rule = {
  id: 'column-type-change-is-brief',
  hazard: 36,
  severity: 'info',
  concern: 'lock',
  title: 'A change of type that does not rewrite the table',
  why: 'varchar to a longer varchar or to text, text to varchar, numeric to a higher precision at the same scale, cidr to inet, a domain to its base, the same type again: only the catalog changes, under a brief ACCESS EXCLUSIVE.',
  safeForm: 'Nothing to change: Drydock waits for the lock only briefly and tries again.',
  on: ['AlterTableStmt'],
  commands: ['AT_AlterColumnType'],
  *check(statement, { schema }) {
    for (const { table, name, to, cost, start, end } of typeChanges(statement, schema)) {
      if (cost !== 'none') continue;
      yield {
        start,
        end,
        objects: [shown(table)],
        message: `${quoted(name)} becomes ${shownType(to)} without a rewrite: ${shown(table)} is locked for a moment only.`,
      };
    }
  },
};
