// Many rows changed a few thousand at a time: the directive with which Drydock runs a statement in batches
// along the primary key, each committed, and goes on after a kill (apply/batch.ts).

import type { RangeVar } from '@pgsql/types';
import type { Fix } from '../finding.ts';
import type { SchemaModel } from '../model/schema.ts';
import type { RuleContext } from '../rule.ts';
import { isAlwaysTrue, volatility } from '../sql/expression.ts';
import { contains, pickAll, shown } from '../sql/node.ts';
import { bodyOf, type Statement } from '../statement.ts';
import { editOf, insertAfter, outsideTransaction } from './edit.ts';

const directive = '-- drydock: batch';

/** Where a statement or a plan stands, as far as batches depend on it. */
export type BatchContext = Pick<RuleContext, 'schema' | 'transaction' | 'file'>;

/** The UPDATE of a backfill in pieces. */
export interface RowChange {
  readonly table: RangeVar;
  /** What stands after SET. */
  readonly set: string;
  /** What stands after WHERE. */
  readonly where: string;
}

/** The step of a plan that fills old rows: in batches, or at once where nobody can cut it. */
export function backfillStep(
  { table, set, where }: RowChange,
  { schema, file }: BatchContext,
): [step: string, why: string, statement: string] {
  const statement = `UPDATE ${shown(table)} SET ${set} WHERE ${where}`;
  // To other runners the directive is a comment like any other.
  return file.runsInDrydock && keyOf(table, schema) !== undefined
    ? [
        'backfill',
        'Old rows, in batches along the key, each committed.',
        `${directive}\n${statement}`,
      ]
    : ['backfill', 'Old rows. On a large table, run this in batches by key.', statement];
}

/** The directive before an UPDATE or DELETE of a file, where batches come to the same. */
export function batchesInPlace(statement: Statement, context: BatchContext): Fix | undefined {
  const { schema, transaction, file } = context;
  if (!file.runsInDrydock || statement.inside !== undefined) return undefined;
  if (!canBeBatched(statement, schema)) return undefined;
  return transaction.kind === 'own'
    ? outsideTransaction({ ...statement, text: `${directive}\n${statement.text}` })
    : editOf(insertAfter(statement, /^/, `${directive}\n`));
}

// As apply/batch-statement.ts sees it, and stricter: what reads more than its own row may read rows that
// earlier batches have changed. A DELETE of every row loses as much in batches.
function canBeBatched(statement: Statement, schema: SchemaModel): boolean {
  const update = bodyOf(statement, 'UpdateStmt');
  const remove = bodyOf(statement, 'DeleteStmt');
  const change = update ?? remove;
  const key = keyOf(change?.relation, schema);
  if (change === undefined || key === undefined || change.withClause !== undefined) return false;
  if (update?.fromClause !== undefined || remove?.usingClause !== undefined) return false;
  if (remove !== undefined && isAlwaysTrue(remove.whereClause)) return false;
  const targets = pickAll(update?.targetList, 'ResTarget');
  if (targets.some(({ name }) => key.includes(name ?? ''))) return false;
  // A function that nobody here knows may read the table too.
  const parts = [...targets.map(({ val }) => val), change.whereClause];
  return !contains([change], 'SubLink') && parts.every((part) => volatility(part) !== 'unknown');
}

function keyOf(table: RangeVar | undefined, schema: SchemaModel): readonly string[] | undefined {
  const constraints = [...(schema.table(table)?.constraints.values() ?? [])];
  return constraints.find(({ kind }) => kind === 'primary key')?.columns;
}
