import type { RangeVar } from '@pgsql/types';
import type { Rule } from '../../rule.ts';
import { isAlwaysTrue } from '../../sql/expression.ts';
import { contains, type Node, shown, walk } from '../../sql/node.ts';
import { bodyOf } from '../../statement.ts';

export const deleteRows: Rule = {
  id: 'delete-rows',
  hazard: 49,
  severity: 'warning',
  concern: 'data-loss',
  title: 'DELETE',
  why: 'The rows are gone when the transaction commits.',
  safeForm:
    'Mark rows as deleted instead (a column deleted_at), or keep a proven backup and allow it with a reason.',
  on: ['DeleteStmt', 'SelectStmt', 'UpdateStmt', 'InsertStmt', 'MergeStmt', 'CreateTableAsStmt'],
  *check(statement, { schema }) {
    const tables: { relation: RangeVar | undefined; all: boolean }[] = [];
    const merge = bodyOf(statement, 'MergeStmt');
    const merges = contains(
      [merge],
      'MergeWhenClause',
      ({ commandType }) => commandType === 'CMD_DELETE',
    );
    if (merges) tables.push({ relation: merge?.relation, all: false });
    walk([statement.node], (kind, body) => {
      if (kind !== 'DeleteStmt') return;
      const change = body as { relation?: RangeVar; whereClause?: Node };
      tables.push({ relation: change.relation, all: isAlwaysTrue(change.whereClause) });
    });
    for (const { relation, all } of tables) {
      if (schema.isNew(relation)) continue;
      yield {
        objects: [shown(relation)],
        severity: all ? 'error' : 'warning',
        message: `${all ? 'Every row' : 'The rows that fit'} of ${shown(relation)} ${all ? 'is' : 'are'} lost.`,
      };
    }
  },
};
