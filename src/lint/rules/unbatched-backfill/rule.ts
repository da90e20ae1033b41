import type { RangeVar } from '@pgsql/types';
import { batchesInPlace } from '../../fix/batches.ts';
import type { SchemaModel } from '../../model/schema.ts';
import type { Rule } from '../../rule.ts';
import { isAlwaysTrue } from '../../sql/expression.ts';
import { constantText, type Node, pick, shown, strings } from '../../sql/node.ts';
import { bodyOf } from '../../statement.ts';

export const unbatchedBackfill: Rule = {
  id: 'unbatched-backfill',
  hazard: 50,
  severity: 'info',
  concern: 'lock',
  title: 'Many rows changed in one statement',
  why: 'However many rows fit, they are locked and written in one transaction; on a large table replicas lag and vacuum cannot clean up meanwhile.',
  safeForm:
    'Write -- drydock: batch before it: Drydock walks the key, commits each batch, and waits while replicas lag. Other runners: batches by key, each in its own transaction.',
  on: ['UpdateStmt', 'InsertStmt', 'DeleteStmt', 'MergeStmt'],
  *check(statement, context) {
    const { schema } = context;
    if (statement.inside?.commits || statement.isBatched) return;
    const update = bodyOf(statement, 'UpdateStmt') ?? bodyOf(statement, 'DeleteStmt');
    const insert = bodyOf(statement, 'InsertStmt');
    const copied = pick(insert?.selectStmt, 'SelectStmt');
    const copies = copied !== undefined && (copied.fromClause ?? []).length > 0;
    const changes =
      update !== undefined &&
      !isAlwaysTrue(update.whereClause) &&
      !isByKey(update.whereClause, schema, update.relation);
    const merge = bodyOf(statement, 'MergeStmt');
    const table = update?.relation ?? insert?.relation ?? merge?.relation;
    if (!(changes || copies || merge !== undefined)) return;
    if (schema.isNew(table) && !copies) return;
    yield {
      objects: [shown(table)],
      dependsOn: 'how many rows there are',
      message: `All rows that fit are written to ${shown(table)} in one transaction.`,
      fix: batchesInPlace(statement, context),
    };
  },
};

// `id = 1` changes at most one row where id is the key, or looks like it.
function isByKey(
  where: Node | undefined,
  schema: SchemaModel,
  table: RangeVar | undefined,
): boolean {
  const comparison = pick(where, 'A_Expr');
  const column = strings(pick(comparison?.lexpr, 'ColumnRef')?.fields).at(-1);
  if (strings(comparison?.name)[0] !== '=' || constantText(comparison?.rexpr) === undefined)
    return false;
  if (column === undefined || column === 'id') return column !== undefined;
  return schema.indexesOf(table).some((each) => each.isUnique && each.columns.join() === column);
}
