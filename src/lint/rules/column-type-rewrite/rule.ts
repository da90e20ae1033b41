import { typeChangePlan } from '../../fix/column-plan.ts';
import type { Rule } from '../../rule.ts';
import { quoted, shown } from '../../sql/node.ts';
import { shownType } from '../../sql/type-name.ts';
import { isUnlimitedText, type TypeChange, typeChanges } from '../../type-change.ts';

export const columnTypeRewrite: Rule = {
  id: 'column-type-rewrite',
  hazard: 35,
  severity: 'error',
  concern: 'lock',
  title: 'A change of type that rewrites the table',
  why: 'Every row and every index is written again under ACCESS EXCLUSIVE: int to bigint, a shorter varchar, another numeric scale, json to jsonb, any real USING expression.',
  safeForm:
    'A new column of the new type, kept in step by a trigger, filled in batches (-- drydock: batch), then swapped for the old one (expand and contract).',
  work: 'rewrite',
  on: ['AlterTableStmt'],
  commands: ['AT_AlterColumnType'],
  *check(statement, context) {
    const { schema } = context;
    for (const change of typeChanges(statement, schema)) {
      const { table, name, from, to, cost, start, end } = change;
      if (cost === 'none') continue;
      const old = from === undefined ? undefined : shownType(from);
      const doubt = {
        rewrite: undefined,
        'time-zone': 'whether the TimeZone of the session is UTC',
      };
      yield {
        start,
        end,
        objects: [shown(table)],
        severity: severityOf(change),
        dependsOn:
          cost === 'unknown' ? `whether ${quoted(name)} is ${shownType(to)} already` : doubt[cost],
        message: `Changing ${quoted(name)}${old === undefined ? '' : ` from ${old}`} to ${shownType(to)} ${cost === 'rewrite' ? 'rewrites' : 'may rewrite'} all of ${shown(table)} and its indexes while nobody can read it.`,
        fix: typeChangePlan(statement, change, context),
      };
    }
  },
};

// Nothing known: text is mostly reached from shorter text, which is free; a length or precision may be
// a wider one; everything else was most likely another type before.
function severityOf({ cost, to }: TypeChange): 'error' | 'warning' | 'info' {
  if (cost !== 'unknown') return cost === 'rewrite' ? 'error' : 'warning';
  if (isUnlimitedText(to)) return 'info';
  return to.modifiers.length > 0 ? 'warning' : 'error';
}
