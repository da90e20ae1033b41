import type { Rule } from '../../rule.ts';
import { shown } from '../../sql/node.ts';
import { bodyOf } from '../../statement.ts';

export const invalidIndexKept: Rule = {
  id: 'invalid-index-kept',
  hazard: 4,
  severity: 'info',
  concern: 'lock',
  title: 'A failed CREATE INDEX CONCURRENTLY leaves an invalid index',
  why: 'A concurrent build that fails leaves an index that slows writes and serves no query; IF NOT EXISTS then takes it for a good one.',
  safeForm:
    'Nothing to change: Drydock drops an invalid leftover of that name before it builds. By hand, look at pg_index.indisvalid first.',
  on: ['IndexStmt'],
  *check(statement) {
    const index = bodyOf(statement, 'IndexStmt');
    if (!index?.concurrent || !index.if_not_exists) return;
    yield {
      objects: [shown(index.relation)],
      message: `If an earlier build of ${index.idxname ?? 'this index'} failed, IF NOT EXISTS would keep the invalid one; Drydock drops it first.`,
    };
  },
};
