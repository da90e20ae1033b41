import type { RangeVar } from '@pgsql/types';
import { batchesInPlace } from '../../fix/batches.ts';
import type { Rule } from '../../rule.ts';
import { isAlwaysTrue } from '../../sql/expression.ts';
import { type Node, shown, walk } from '../../sql/node.ts';

export const updateOrDeleteWithoutWhere: Rule = {
  id: 'update-or-delete-without-where',
  hazard: 49,
  severity: 'warning',
  concern: 'lock',
  title: 'UPDATE or DELETE of every row',
  why: 'One transaction locks every row until it ends, writes each anew, and leaves the old versions as bloat; replicas lag behind it. A DELETE loses every row.',
  safeForm:
    'Write -- drydock: batch before an UPDATE: Drydock changes the rows along the key, a few thousand at a time, outside the transaction that changes the schema.',
  on: ['UpdateStmt', 'DeleteStmt', 'SelectStmt', 'InsertStmt', 'MergeStmt', 'CreateTableAsStmt'],
  *check(statement, context) {
    const { schema } = context;
    const rows: { table: RangeVar | undefined; isDelete: boolean }[] = [];
    walk([statement.node], (kind, body) => {
      if (kind !== 'UpdateStmt' && kind !== 'DeleteStmt') return;
      const change = body as { relation?: RangeVar; whereClause?: Node };
      if (isAlwaysTrue(change.whereClause)) {
        rows.push({ table: change.relation, isDelete: kind === 'DeleteStmt' });
      }
    });
    for (const { table, isDelete } of rows) {
      // In batches no lock is held for long; what is deleted is lost all the same.
      if (schema.isNew(table) || (statement.isBatched && !isDelete)) continue;
      yield {
        objects: [shown(table)],
        severity: isDelete ? 'error' : 'warning',
        message: `Every row of ${shown(table)} is ${isDelete ? 'deleted' : 'locked and written anew'} in one transaction.`,
        fix: batchesInPlace(statement, context),
      };
    }
  },
};
