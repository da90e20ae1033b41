import { locksOf } from '../../locks-of.ts';
import { rangeOfKey } from '../../model/names.ts';
import type { Rule } from '../../rule.ts';
import { shown } from '../../sql/node.ts';
import { bodyOf, droppedNames } from '../../statement.ts';

export const dropTable: Rule = {
  id: 'drop-table',
  hazard: 45,
  severity: 'error',
  concern: 'data-loss',
  title: 'DROP TABLE',
  why: 'The data is gone when the transaction commits. Tables that its foreign keys point to are locked with ACCESS EXCLUSIVE too; so are the parent and the DEFAULT partition of a partition.',
  safeForm:
    'Deploy code that does not use it, drop its foreign keys one by one, keep a proven backup, then allow it with a reason: -- drydock: allow drop-table because …',
  on: ['DropStmt'],
  *check(statement, { schema }) {
    const drop = bodyOf(statement, 'DropStmt');
    if (drop?.removeType !== 'OBJECT_TABLE') return;
    for (const table of droppedNames(drop)) {
      if (schema.isNew(table) || schema.gone.has(schema.key(table))) continue;
      const referrers = schema.referrersOf(schema.key(table)).map((key) => shown(rangeOfKey(key)));
      const isRefused = referrers.length > 0 && drop.behavior !== 'DROP_CASCADE';
      const also = locksOf(statement, schema)
        .map((lock) => lock.shown)
        .filter((name) => !droppedNames(drop).some((each) => shown(each) === name));
      yield {
        objects: [shown(table), ...also],
        message: `Everything in ${shown(table)} is lost${also.length === 0 ? '' : `, and ${also.join(', ')} is locked against reads and writes`}${isRefused ? `; the server refuses it while ${referrers.join(', ')} refers to it` : ''}.`,
      };
    }
  },
};
