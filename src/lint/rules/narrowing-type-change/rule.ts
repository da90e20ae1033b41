import type { Rule } from '../../rule.ts';
import { quoted, shown } from '../../sql/node.ts';
import { mayLose, shownType } from '../../sql/type-name.ts';
import { baseOf, typeChanges } from '../../type-change.ts';

export const narrowingTypeChange: Rule = {
  id: 'narrowing-type-change',
  hazard: 41,
  severity: 'warning',
  concern: 'cannot-run',
  title: 'A change of type that not every value survives',
  why: 'A shorter or narrower type cuts digits or makes the statement fail at the first value that does not fit.',
  safeForm:
    'Ask first how many rows do not fit: SELECT count(*) … WHERE; then change what is wrong, and use expand and contract.',
  on: ['AlterTableStmt'],
  commands: ['AT_AlterColumnType'],
  *check(statement, { schema }) {
    for (const { table, name, from, to, start, end } of typeChanges(statement, schema)) {
      if (from === undefined) continue;
      const survives = !mayLose(baseOf(from, schema), baseOf(to, schema));
      if (survives && !schema.isConstrained(to)) continue;
      yield {
        start,
        end,
        objects: [shown(table)],
        message: `${shownType(to)} does not hold every ${shownType(from)}: values of ${quoted(name)} may lose digits or make the statement fail.`,
      };
    }
  },
};
