import { typeChangePlan } from '../../fix/plan.ts';
import type { Rule } from '../../rule.ts';
import { quoted, shown } from '../../sql/node.ts';
import { shownType } from '../../sql/type-name.ts';
import { isUnlimitedText, typeChanges } from '../../type-change.ts';

export const columnTypeRewrite: Rule = {
  id: 'column-type-rewrite',
  hazard: 35,
  severity: 'error',
  concern: 'lock',
  title: 'A change of type that rewrites the table',
  why: 'Every row and every index is written again under ACCESS EXCLUSIVE: int to bigint, a shorter varchar, another numeric scale, json to jsonb, any real USING expression.',
  safeForm:
    'A new column of the new type, kept in step by a trigger, filled in batches, then swapped for the old one (expand and contract).',
  work: 'rewrite',
  on: ['AlterTableStmt'],
  *check(statement, { schema }) {
    for (const change of typeChanges(statement, schema)) {
      const { table, name, from, to, cost, start, end } = change;
      if (cost === 'none') continue;
      const old = from === undefined ? undefined : shownType(from);
      const isLikely = cost !== 'unknown' || !isUnlimitedText(to);
      const doubts = {
        rewrite:
          old === undefined ? `whether ${quoted(name)} is ${shownType(to)} already` : undefined,
        'time-zone': 'whether the TimeZone of the session is UTC',
        unknown: `the type that ${quoted(name)} has now`,
      };
      yield {
        start,
        end,
        objects: [shown(table)],
        ...(isLikely ? {} : { severity: 'info' as const }),
        // A USING expression rewrites whatever the old type was: no doubt about that.
        dependsOn: cost === 'rewrite' ? undefined : doubts[cost],
        message: `Changing ${quoted(name)}${old === undefined ? '' : ` from ${old}`} to ${shownType(to)} ${cost === 'rewrite' ? 'rewrites' : 'may rewrite'} all of ${shown(table)} and its indexes while nobody can read it.`,
        fix: typeChangePlan(statement, change, schema),
      };
    }
  },
};
