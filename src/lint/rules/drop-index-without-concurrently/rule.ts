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
    if (drop?.removeType !== 'OBJECT_INDEX') return;
    for (const name of droppedNames(drop)) {
      const table = tableOfIndex(name, schema);
      const known = schema.table(table);
      if (known?.constraints.has(name.relname ?? '')) {
        yield {
          objects: [shown(table), shown(name)],
          lock: null,
          severity: 'error',
          message: `The constraint ${shown(name)} needs this index: the server refuses to drop it.`,
          safeForm: `ALTER TABLE ${shown(table)} DROP CONSTRAINT ${shown(name)}, which drops the index too.`,
        };
        continue;
      }
      const isParted = known?.kind === 'partitioned table';
      if (isParted && drop.concurrent) {
        yield {
          objects: [shown(table), shown(name)],
          lock: null,
          severity: 'error',
          message: `${shown(table)} is partitioned: the server refuses to drop its index CONCURRENTLY.`,
          safeForm:
            'DROP INDEX without CONCURRENTLY: the lock is brief, and Drydock waits for it only briefly.',
        };
      }
      if (drop.concurrent || schema.isNew(table)) continue;
      if (isParted) {
        yield {
          objects: [shown(table), shown(name)],
          severity: 'info',
          message: `${shown(table)} and all its partitions are locked against reads and writes for a moment.`,
          safeForm:
            'Nothing to change: there is no CONCURRENTLY for it, and Drydock waits only briefly.',
        };
        continue;
      }
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
