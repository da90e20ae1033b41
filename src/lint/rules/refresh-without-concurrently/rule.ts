import { editOf, insertAfter } from '../../fix/edit.ts';
import type { Rule } from '../../rule.ts';
import { shown } from '../../sql/node.ts';
import { bodyOf } from '../../statement.ts';

export const refreshWithoutConcurrently: Rule = {
  id: 'refresh-without-concurrently',
  hazard: 57,
  severity: 'warning',
  concern: 'lock',
  title: 'REFRESH MATERIALIZED VIEW without CONCURRENTLY',
  why: 'The view is locked with ACCESS EXCLUSIVE for as long as its query runs: nobody can read it.',
  safeForm:
    'REFRESH MATERIALIZED VIEW CONCURRENTLY, which wants a unique index on the view and may stand in a transaction.',
  work: 'rewrite',
  on: ['RefreshMatViewStmt'],
  *check(statement, { schema }) {
    const refresh = bodyOf(statement, 'RefreshMatViewStmt');
    const view = refresh?.relation;
    if (refresh === undefined || refresh.concurrent || schema.isNew(view)) return;
    const canEdit = schema.indexesOf(view).some((index) => index.isUnique && !index.isPartial);
    yield {
      objects: [shown(view)],
      message: `Nobody can read ${shown(view)} until its query has run.`,
      fix:
        canEdit && !refresh.skipData
          ? editOf(insertAfter(statement, /^refresh\s+materialized\s+view\b/i, ' CONCURRENTLY'))
          : undefined,
    };
  },
};
