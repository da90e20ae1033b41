import { isAtLeast } from '../../../postgres/table-lock.ts';
import { locksOf } from '../../locks-of.ts';
import { LockTimeoutReader } from '../../model/lock-timeout.ts';
import { rangeOfKey } from '../../model/names.ts';
import type { HeldLock } from '../../model/transaction.ts';
import type { Rule } from '../../rule.ts';
import type { Statement } from '../../statement.ts';

export const noLockTimeout: Rule = {
  id: 'no-lock-timeout',
  hazard: 64,
  severity: 'info',
  concern: 'lock',
  title: 'Locks on live tables without a lock_timeout',
  why: 'A statement that waits for its lock makes everything that comes after it on the table wait too, without end.',
  safeForm:
    "Nothing to change for Drydock: it waits briefly and tries again. For other runners: SET LOCAL lock_timeout = '500ms' first, and try again when it fails.",
  *checkFile(file, schema) {
    const timeout = new LockTimeoutReader(file);
    const waits = (statement: Statement): HeldLock | undefined =>
      locksOf(statement, schema).find(
        (lock) => isAtLeast(lock.mode, 'SHARE') && !schema.isNew(rangeOfKey(lock.table)),
      );
    const first = file.statements.find(
      (statement) =>
        !timeout.isInForce(statement) &&
        statement.inside?.runs !== false &&
        waits(statement) !== undefined,
    );
    if (first === undefined) return;
    const lock = waits(first);
    yield {
      statement: first,
      objects: lock === undefined ? [] : [lock.shown],
      severity: file.runsInDrydock ? 'info' : 'warning',
      message: file.runsInDrydock
        ? 'Drydock sets a short lock_timeout and tries again; psql would wait without end, and everybody behind it.'
        : `While this waits for its lock on ${lock?.shown ?? 'the table'}, every later query on it waits too.`,
    };
  },
};
