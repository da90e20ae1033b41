import { inNextTransaction } from '../../fix/edit.ts';
import type { Rule } from '../../rule.ts';
import { shown } from '../../sql/node.ts';
import { alterations } from '../../statement.ts';

export const validatedInSameTransaction: Rule = {
  id: 'validated-in-same-transaction',
  hazard: 32,
  severity: 'error',
  concern: 'lock',
  title: 'NOT VALID and VALIDATE in one transaction',
  why: 'The lock that ADD CONSTRAINT took is held until the transaction ends, so the table is read under it: nothing is won.',
  safeForm: 'End the transaction after ADD CONSTRAINT … NOT VALID and validate in the next one.',
  work: 'scan',
  on: ['AlterTableStmt'],
  commands: ['AT_ValidateConstraint'],
  *check(statement, { schema, transaction }) {
    for (const { table, name, start, end } of alterations(statement, 'AT_ValidateConstraint')) {
      const constraint = schema.table(table)?.constraints.get(name);
      if (constraint === undefined || constraint.validated || schema.isNew(table)) continue;
      if (constraint.transaction !== transaction.id) continue;
      const isKey = constraint.kind === 'foreign key';
      yield {
        start,
        end,
        objects: [shown(table)],
        lock: isKey ? 'SHARE ROW EXCLUSIVE' : 'ACCESS EXCLUSIVE',
        severity: isKey ? 'warning' : 'error',
        message: `${name} was added in the same transaction: ${shown(table)} is read under the lock that is still held.`,
        fix: inNextTransaction(statement, transaction),
      };
    }
  },
};
