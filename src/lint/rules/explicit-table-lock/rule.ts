import { isAtLeast } from '../../../postgres/table-lock.ts';
import { locksOf } from '../../locks-of.ts';
import type { Rule } from '../../rule.ts';
import { pickAll, shown } from '../../sql/node.ts';
import { bodyOf } from '../../statement.ts';

export const explicitTableLock: Rule = {
  id: 'explicit-table-lock',
  hazard: 61,
  severity: 'warning',
  concern: 'lock',
  title: 'LOCK TABLE',
  why: 'The lock is held until the transaction ends, whatever comes after it.',
  safeForm:
    'Leave it out: each statement takes the lock it needs, and Drydock waits for it briefly. Where an order of locks is needed, lock last and keep the transaction short.',
  work: 'held',
  on: ['LockStmt'],
  *check(statement, { schema }) {
    const tables = pickAll(bodyOf(statement, 'LockStmt')?.relations, 'RangeVar').filter(
      (table) => !schema.isNew(table),
    );
    const [lock] = locksOf(statement, schema);
    if (tables.length === 0 || lock === undefined || !isAtLeast(lock.mode, 'SHARE')) return;
    yield {
      objects: tables.map(shown),
      message: `${tables.map(shown).join(', ')} stays locked (${lock.mode}) to the end of the transaction.`,
    };
  },
};
