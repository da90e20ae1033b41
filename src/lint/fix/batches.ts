// Many rows changed a few thousand at a time: the directive with which Drydock runs an UPDATE in batches
// along the primary key, each committed, and goes on after a kill (apply/batch.ts).

import type { RangeVar } from '@pgsql/types';
import type { Fix } from '../finding.ts';
import type { SchemaModel } from '../model/schema.ts';
import type { TransactionModel } from '../model/transaction.ts';
import { columnsOf, volatility } from '../sql/expression.ts';
import { contains, pickAll, shown } from '../sql/node.ts';
import { bodyOf, type Statement } from '../statement.ts';
import { editOf, outsideTransaction, replaceText } from './edit.ts';

/** An UPDATE in pieces. */
export interface RowChange {
  readonly table: RangeVar;
  /** What stands after SET. */
  readonly set: string;
  /** What stands after WHERE, if anything. */
  readonly where: string | undefined;
}

/** The UPDATE in batches; undefined without a known primary key of one column. */
function inBatches({ table, set, where }: RowChange, schema: SchemaModel): string | undefined {
  if (keyColumn(table, schema) === undefined) return undefined;
  return `-- drydock: batch\n${atOnce({ table, set, where })}`;
}

function atOnce({ table, set, where }: RowChange): string {
  return `UPDATE ${shown(table)} SET ${set}${where === undefined ? '' : ` WHERE ${where}`}`;
}

/** The step of a plan that fills old rows: in batches, or at once where the key is not known. */
export function backfillStep(
  change: RowChange,
  schema: SchemaModel,
): [step: string, why: string, statement: string] {
  const batches = inBatches(change, schema);
  return batches === undefined
    ? ['backfill', 'Old rows. On a large table, run this in batches by key.', atOnce(change)]
    : ['backfill', 'Old rows, in batches along the key, each committed.', batches];
}

/** The UPDATE of a file in batches, where it stands. */
export function batchesInPlace(
  statement: Statement,
  context: { readonly schema: SchemaModel; readonly transaction: TransactionModel },
): Fix | undefined {
  const change = statement.inside === undefined ? repeatableChange(statement) : undefined;
  const batches = change === undefined ? undefined : inBatches(change, context.schema);
  if (change === undefined || batches === undefined) return undefined;
  const key = keyColumn(change.table, context.schema) ?? '';
  const targets = pickAll(bodyOf(statement, 'UpdateStmt')?.targetList, 'ResTarget');
  if (targets.some((target) => target.name === key)) return undefined;
  return context.transaction.kind === 'own'
    ? outsideTransaction({ ...statement, text: batches })
    : editOf(replaceText(statement, batches));
}

// The pieces of an UPDATE whose outcome is the same when some rows are changed twice, or the whole is
// begun again: `age = age + 1` is not, nor what reads other rows.
function repeatableChange(statement: Statement): RowChange | undefined {
  const update = bodyOf(statement, 'UpdateStmt');
  const table = update?.relation;
  if (update === undefined || table === undefined || table.alias !== undefined) return undefined;
  if (update.fromClause || update.withClause || update.returningClause) return undefined;
  const targets = pickAll(update.targetList, 'ResTarget');
  const set = new Set(targets.map((target) => target.name));
  const isRepeatable = targets.every(
    ({ val, indirection }) =>
      indirection === undefined &&
      volatility(val) === 'once' &&
      !columnsOf(val).some((column) => set.has(column)),
  );
  const isAlone = !contains([update], 'SubLink') && !contains([update], 'MultiAssignRef');
  if (!isRepeatable || !isAlone || volatility(update.whereClause) !== 'once') return undefined;
  return piecesOf(statement.text, table);
}

const mark = /'(?:[^']|'')*'|"[^"]*"|[()]|\b(?:set|where)\b/gi;

function piecesOf(text: string, table: RangeVar): RowChange | undefined {
  // A comment or an escape among the pieces would move with them: left to the author.
  if (/--|\/\*|\\|\$/.test(text)) return undefined;
  let depth = 0;
  const words = new Map<string, number>();
  for (const { 0: found, index } of text.matchAll(mark)) {
    if (found === '(') depth += 1;
    else if (found === ')') depth -= 1;
    else if (depth === 0) words.set(found.toLowerCase(), words.get(found.toLowerCase()) ?? index);
  }
  const [from, to] = [words.get('set'), words.get('where')];
  if (from === undefined) return undefined;
  const where = to === undefined ? undefined : text.slice(to + 'where'.length).trim();
  return { table, set: text.slice(from + 'set'.length, to).trim(), where };
}

function keyColumn(table: RangeVar, schema: SchemaModel): string | undefined {
  const constraints = [...(schema.table(table)?.constraints.values() ?? [])];
  const key = constraints.find(({ kind }) => kind === 'primary key')?.columns;
  return key?.length === 1 ? key[0] : undefined;
}
