// Many rows changed a few thousand at a time: a DO block that walks along the primary key and commits
// after each batch. Drydock runs such a block outside any transaction (migration/steps.ts).

import type { RangeVar } from '@pgsql/types';
import type { Fix } from '../finding.ts';
import type { SchemaModel } from '../model/schema.ts';
import type { TransactionModel } from '../model/transaction.ts';
import { columnsOf, volatility } from '../sql/expression.ts';
import { contains, pickAll, quoted, shown } from '../sql/node.ts';
import { bodyOf, type Statement } from '../statement.ts';
import { editOf, outsideTransaction, replaceText } from './edit.ts';

const rowsInBatch = 5000;

/** An UPDATE in pieces. */
export interface RowChange {
  readonly table: RangeVar;
  /** What stands after SET. */
  readonly set: string;
  /** What stands after WHERE, if anything. */
  readonly where: string | undefined;
}

/**
 * The UPDATE in batches. Begun again after a failure it starts from the first key, so the change must
 * come to the same when it is made twice. Undefined without a known primary key of one column.
 */
function inBatches({ table, set, where }: RowChange, schema: SchemaModel): string | undefined {
  const column = keyColumn(table, schema);
  if (column === undefined || `${set}${where}`.includes('$backfill$')) return undefined;
  const [name, key] = [shown(table), quoted(column)];
  const rest = where === undefined ? '' : ` AND (${where})`;
  // The end of each batch is looked up first: a range of two known keys is read from the index alone.
  return `DO $backfill$
DECLARE
  batch_start ${name}.${key}%TYPE;
  batch_end ${name}.${key}%TYPE;
BEGIN
  SELECT ${key} INTO batch_start FROM ${name} ORDER BY ${key} LIMIT 1;
  WHILE batch_start IS NOT NULL LOOP
    SELECT batch.${key} INTO batch_end
      FROM (SELECT ${key} FROM ${name} WHERE ${key} >= batch_start ORDER BY ${key} LIMIT ${rowsInBatch}) AS batch
      ORDER BY ${key} DESC LIMIT 1;
    UPDATE ${name} SET ${set}
      WHERE ${key} BETWEEN batch_start AND batch_end${rest};
    COMMIT;
    SELECT ${key} INTO batch_start FROM ${name} WHERE ${key} > batch_end ORDER BY ${key} LIMIT 1;
  END LOOP;
END
$backfill$`;
}

/** The step of a plan that fills old rows: in batches, or at once where the key is not known. */
export function backfillStep(
  change: RowChange,
  schema: SchemaModel,
): [step: string, why: string, statement: string] {
  const batches = inBatches(change, schema);
  if (batches !== undefined) {
    return ['backfill', `Old rows, ${rowsInBatch} at a time, each batch committed.`, batches];
  }
  const { table, set, where } = change;
  return [
    'backfill',
    'Old rows. On a large table, run this in batches by key.',
    `UPDATE ${shown(table)} SET ${set}${where === undefined ? '' : ` WHERE ${where}`}`,
  ];
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
