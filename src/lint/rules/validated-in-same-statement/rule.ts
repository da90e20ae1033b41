import { splitIn } from '../../fix/edit.ts';
import type { TransactionModel } from '../../model/transaction.ts';
import type { Rule } from '../../rule.ts';
import { shown } from '../../sql/node.ts';
import { addedConstraints, alterations, type Statement } from '../../statement.ts';

export const validatedInSameStatement: Rule = {
  id: 'validated-in-same-statement',
  hazard: 33,
  severity: 'error',
  concern: 'lock',
  title: 'NOT VALID and VALIDATE in one ALTER TABLE',
  why: 'One ALTER TABLE holds its strongest lock from the beginning: the table is read under it.',
  safeForm:
    'Two statements in two transactions: ADD CONSTRAINT … NOT VALID, then VALIDATE CONSTRAINT.',
  work: 'scan',
  on: ['AlterTableStmt'],
  commands: ['AT_AddConstraint', 'AT_ValidateConstraint'],
  *check(statement, { schema, transaction }) {
    const added = addedConstraints(statement).filter(
      ({ constraint }) => constraint.skip_validation,
    );
    for (const { table, name, start, end } of alterations(statement, 'AT_ValidateConstraint')) {
      if (schema.isNew(table) || !added.some((each) => each.name === name)) continue;
      yield {
        start,
        end,
        objects: [shown(table)],
        message: `${name} is added and validated at once: all of ${shown(table)} is read under the lock.`,
        fix: separate(statement, transaction),
      };
    }
  },
};

// Two commands become two statements; more of them are left to their author.
function separate(statement: Statement, transaction: TransactionModel): ReturnType<typeof splitIn> {
  const [add, validate, ...more] = alterations(statement);
  if (add?.kind !== 'AT_AddConstraint' || validate === undefined || more.length > 0)
    return undefined;
  const part = (start: number, end: number): string =>
    statement.text.slice(start - statement.start, end - statement.start);
  return splitIn(statement, transaction, {
    first: part(statement.start, add.end),
    second: `${part(statement.start, add.start)}${part(validate.start, validate.end)}`,
  });
}
