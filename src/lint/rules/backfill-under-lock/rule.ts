import { inNextTransaction } from '../../fix/edit.ts';
import { firstBlocking } from '../../model/transaction.ts';
import type { Rule } from '../../rule.ts';
import { pick, shown } from '../../sql/node.ts';
import { bodyOf } from '../../statement.ts';

export const backfillUnderLock: Rule = {
  id: 'backfill-under-lock',
  hazard: 51,
  severity: 'warning',
  concern: 'lock',
  title: 'Rows are changed in the transaction that changes the table',
  why: 'The lock that the ALTER TABLE took is held until every row is written.',
  safeForm:
    'Write -- drydock: batch before it: its rows are changed outside that transaction, a few thousand at a time.',
  work: 'held',
  on: ['UpdateStmt', 'InsertStmt', 'DeleteStmt', 'MergeStmt'],
  *check(statement, { transaction }) {
    if (statement.isBatched) return;
    const change =
      bodyOf(statement, 'UpdateStmt') ??
      bodyOf(statement, 'DeleteStmt') ??
      bodyOf(statement, 'MergeStmt') ??
      bodyOf(statement, 'InsertStmt');
    const values = pick(bodyOf(statement, 'InsertStmt')?.selectStmt, 'SelectStmt')?.valuesLists;
    if (
      (values ?? []).length > 0 ||
      (bodyOf(statement, 'InsertStmt')?.selectStmt === undefined &&
        bodyOf(statement, 'InsertStmt') !== undefined)
    )
      return;
    const held = firstBlocking(transaction, 'SHARE');
    if (held === undefined) return;
    yield {
      objects: [held.shown],
      lock: held.mode,
      message: `${held.shown} stays locked while the rows of ${shown(change?.relation)} are written.`,
      fix: inNextTransaction(statement, transaction),
    };
  },
};
