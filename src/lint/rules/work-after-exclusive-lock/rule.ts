import { inNextTransaction } from '../../fix/edit.ts';
import { locksOf } from '../../locks-of.ts';
import { rangeOfKey } from '../../model/names.ts';
import { firstBlocking } from '../../model/transaction.ts';
import type { Rule } from '../../rule.ts';
import { bodyOf } from '../../statement.ts';

export const workAfterExclusiveLock: Rule = {
  id: 'work-after-exclusive-lock',
  hazard: 67,
  severity: 'warning',
  concern: 'lock',
  title: 'More work in a transaction that holds ACCESS EXCLUSIVE',
  why: 'Locks add up until the COMMIT: what comes later runs while the first table is locked, and two tables locked in one transaction can deadlock with the application.',
  safeForm: 'One transaction for each table; commit before anything that takes time.',
  work: 'held',
  *check(statement, { schema, transaction }) {
    const first = firstBlocking(transaction, 'ACCESS EXCLUSIVE');
    if (first === undefined) return;
    const next = locksOf(statement, schema).find(
      (lock) =>
        lock.table !== first.table &&
        lock.mode === 'ACCESS EXCLUSIVE' &&
        transaction.locks.get(lock.table)?.mode !== 'ACCESS EXCLUSIVE' &&
        !schema.isNew(rangeOfKey(lock.table)) &&
        bodyOf(statement, 'CreateStmt') === undefined,
    );
    const build = bodyOf(statement, 'IndexStmt');
    const builds = build !== undefined && !build.concurrent && !schema.isNew(build.relation);
    if (next === undefined && !builds) return;
    yield {
      objects: [first.shown, ...(next === undefined ? [] : [next.shown])],
      lock: 'ACCESS EXCLUSIVE',
      message: builds
        ? `${first.shown} is locked against reads and writes while this index is built.`
        : `${first.shown} stays locked while this waits for ${next?.shown}.`,
      fix: inNextTransaction(statement, transaction),
    };
  },
};
