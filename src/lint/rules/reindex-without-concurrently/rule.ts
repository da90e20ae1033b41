import { editOf, insertAfter } from '../../fix/edit.ts';
import { tableOfIndex } from '../../model/names.ts';
import type { Rule } from '../../rule.ts';
import { isOn, shown } from '../../sql/node.ts';
import { bodyOf } from '../../statement.ts';

export const reindexWithoutConcurrently: Rule = {
  id: 'reindex-without-concurrently',
  hazard: 6,
  severity: 'error',
  concern: 'lock',
  title: 'REINDEX without CONCURRENTLY',
  why: 'It takes SHARE on the table and ACCESS EXCLUSIVE on each index. Planning a query locks every index of its tables, so reads wait too.',
  safeForm: 'REINDEX … CONCURRENTLY (12 and newer), outside BEGIN and COMMIT.',
  work: 'index build',
  on: ['ReindexStmt'],
  *check(statement, { schema }) {
    const reindex = bodyOf(statement, 'ReindexStmt');
    if (reindex === undefined || isOn(reindex.params, 'concurrently')) return;
    const isIndex = reindex.kind === 'REINDEX_OBJECT_INDEX';
    const table = isIndex ? tableOfIndex(reindex.relation, schema) : reindex.relation;
    if (schema.isNew(table)) return;
    yield {
      objects: [shown(table) || shown(reindex.relation) || reindex.name || 'the database'],
      message: `Rebuilding blocks writes to ${shown(table) || 'the table'}, and reads that plan with its indexes, until it is done.`,
      fix: editOf(
        insertAfter(statement, /^reindex\s+(?:index|table|schema|database)\b/i, ' CONCURRENTLY'),
      ),
    };
  },
};
