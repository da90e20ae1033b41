import { firstWords } from '../../../migration/steps.ts';
import { locksOf } from '../../locks-of.ts';
import type { Rule } from '../../rule.ts';

export const ddlInProceduralCode: Rule = {
  id: 'ddl-in-procedural-code',
  hazard: 72,
  severity: 'info',
  concern: 'lock',
  title: 'DDL inside a DO block or a routine',
  why: "It takes the same locks as outside, in the block's one transaction, and cannot use the CONCURRENTLY forms.",
  safeForm:
    'Write the statement by itself, with IF NOT EXISTS or IF EXISTS where a condition is needed.',
  *check(statement, { schema }) {
    if (statement.inside === undefined) return;
    const locks = locksOf(statement, schema);
    const isDdl = /^(Alter|Create|Drop|Index|Rename|Truncate|Reindex|View)/.test(
      Object.keys(statement.node)[0] ?? '',
    );
    if (!isDdl) return;
    yield {
      objects: locks.map((lock) => lock.shown),
      message: `${firstWords(statement.text, 40)} runs inside ${statement.inside.kind === 'do' ? 'a DO block' : 'a routine'}, with the same locks as outside.`,
    };
  },
};
