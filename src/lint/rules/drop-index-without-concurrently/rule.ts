import { editOf, insertAfter } from '../../fix/edit.ts';
import { tableOfIndex } from '../../model/names.ts';
import type { Rule } from '../../rule.ts';
import { shown } from '../../sql/node.ts';
import { bodyOf, droppedNames } from '../../statement.ts';

export const dropIndexWithoutConcurrently: Rule = {
  id: 'drop-index-without-concurrently',
  hazard: 2,
  severity: 'warning',
  concern: 'lock',
  title: 'DROP INDEX without CONCURRENTLY',
  why: 'It takes ACCESS EXCLUSIVE on the table. That is brief once it has the lock, but while it waits behind one long query, every query that comes after waits behind it.',
  safeForm: 'DROP INDEX CONCURRENTLY, one index a statement, outside BEGIN and COMMIT.',
  on: ['DropStmt'],
  *check(statement, { schema, transaction }) {
    const drop = bodyOf(statement, 'DropStmt');
    if (drop?.removeType !== 'OBJECT_INDEX' || drop.concurrent) return;
    for (const name of droppedNames(drop)) {
      const table = tableOfIndex(name, schema);
      if (schema.isNew(table) || schema.table(table)?.kind === 'partitioned table') continue;
      const single = drop.objects?.length === 1 && drop.behavior !== 'DROP_CASCADE';
      const canEdit = single && transaction.kind !== 'own';
      yield {
        objects: table === undefined ? [shown(name)] : [shown(table), shown(name)],
        lock: 'ACCESS EXCLUSIVE',
        message: `Dropping ${shown(name)} locks ${table === undefined ? 'its table' : shown(table)} against reads and writes.`,
        fix: canEdit
          ? editOf(insertAfter(statement, /^drop\s+index\b/i, ' CONCURRENTLY'))
          : undefined,
      };
    }
  },
};
