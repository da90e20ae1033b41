import { inNextTransaction } from '../../fix/edit.ts';
import { rangeOfKey } from '../../model/names.ts';
import type { Rule } from '../../rule.ts';
import { contains, type Node, shown } from '../../sql/node.ts';
import { bodyOf } from '../../statement.ts';

export const enumValueUsedInTransaction: Rule = {
  id: 'enum-value-used-in-transaction',
  hazard: 62,
  severity: 'error',
  concern: 'cannot-run',
  title: 'A new enum value is used in the transaction that adds it',
  why: 'The server refuses it ("unsafe use of new value") until the value is committed. Before 12 ALTER TYPE … ADD VALUE could not stand in a transaction at all.',
  safeForm: 'Add the value in a transaction of its own, use it in the next.',
  *check(statement, { schema, transaction }) {
    if (transaction.enumValues.size === 0 || statement.node === undefined) return;
    if (bodyOf(statement, 'AlterEnumStmt') !== undefined) return;
    for (const [key, values] of transaction.enumValues) {
      const type = schema.types.get(key);
      const isOfTransaction = type?.kind === 'enum' && type.transaction === transaction.id;
      if (isOfTransaction && (schema.serverVersion ?? 0) >= 170000) continue;
      const used = textsIn(statement.node).find((text) => values.has(text));
      if (used === undefined) continue;
      yield {
        objects: [shown(rangeOfKey(key))],
        lock: null,
        message: `'${used}' was added to ${shown(rangeOfKey(key))} in this transaction: the server refuses its use before the COMMIT.`,
        fix: inNextTransaction(statement, transaction),
      };
    }
  },
};

function textsIn(node: Node): string[] {
  const texts: string[] = [];
  contains([node], 'A_Const', ({ sval }) => {
    if (sval?.sval !== undefined) texts.push(sval.sval);
    return false;
  });
  return texts;
}
