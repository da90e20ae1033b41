import type { RangeVar, TypeName } from '@pgsql/types';
import { inNextTransaction } from '../../fix/edit.ts';
import { rangeOfKey } from '../../model/names.ts';
import type { SchemaModel } from '../../model/schema.ts';
import type { Rule } from '../../rule.ts';
import { constantsOf } from '../../sql/expression.ts';
import { rangeOf, shown } from '../../sql/node.ts';
import { type DataType, dataType } from '../../sql/type-name.ts';
import { bodyOf, type Statement } from '../../statement.ts';

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
      const used = constantsOf(statement.node).find((text) => values.has(text));
      if (used === undefined || !mayBeOfType(statement, key, schema)) continue;
      yield {
        objects: [shown(rangeOfKey(key))],
        lock: null,
        message: `'${used}' was added to ${shown(rangeOfKey(key))} in this transaction: the server refuses its use before the COMMIT.`,
        fix: inNextTransaction(statement, transaction),
      };
    }
  },
};

// The same text in a statement about nothing of that type is just a text. Where some table's columns are
// not known, it is taken for the value.
function mayBeOfType(statement: Statement, key: string, schema: SchemaModel): boolean {
  const isIt = ({ schema: written, name }: DataType): boolean =>
    schema.key(rangeOf(written === undefined ? [name] : [written, name])) === key;
  const types = fieldsOf(statement.node, 'typeName') as TypeName[];
  if (types.some((type) => isIt(dataType(type)))) return true;
  const named = [...fieldsOf(statement.node, 'relation'), ...fieldsOf(statement.node, 'RangeVar')];
  const tables = (named as RangeVar[]).map((table) => schema.table(table));
  return (
    tables.length === 0 ||
    tables.some(
      (table) =>
        table?.hasAllColumns !== true || [...table.columns.values()].some(({ type }) => isIt(type)),
    )
  );
}

function fieldsOf(value: unknown, field: string): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [
    ...(name === field ? [inner] : []),
    ...fieldsOf(inner, field),
  ]);
}
