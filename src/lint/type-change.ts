// What an ALTER COLUMN … TYPE does, from what is known of the column.

import type { SchemaModel } from './model/schema.ts';
import { isPlainColumn } from './sql/expression.ts';
import { type Node, pick } from './sql/node.ts';
import { costOfChange, type DataType, dataType } from './sql/type-name.ts';
import { type Alteration, alterations, type Statement } from './statement.ts';

/** One change of a column's type. */
export interface TypeChange extends Alteration {
  /** Undefined when nobody told which type the column has. */
  readonly from: DataType | undefined;
  readonly to: DataType;
  /** What happens to the heap. `unknown`: the old type decides and is not known. */
  readonly cost: 'rewrite' | 'none' | 'time-zone' | 'unknown';
  /** True when a COLLATE clause stands in it. */
  readonly setsCollation: boolean;
}

/** The type changes of a statement on tables that are in use. */
export function typeChanges(statement: Statement, schema: SchemaModel): TypeChange[] {
  return alterations(statement, 'AT_AlterColumnType').flatMap((each) => {
    if (schema.isNew(each.table)) return [];
    const column = pick(each.command.def, 'ColumnDef');
    const to = dataType(column?.typeName);
    const from = schema.column(each.table, each.name)?.type;
    const using = column?.raw_default;
    const cost = isNoOp(using, each.name, to) ? heapCost(from, to, schema) : 'rewrite';
    return [{ ...each, from, to, cost, setsCollation: column?.collClause !== undefined }];
  });
}

function heapCost(
  from: DataType | undefined,
  to: DataType,
  schema: SchemaModel,
): TypeChange['cost'] {
  if (from === undefined) return 'unknown';
  // Values must be checked against a domain's constraints, which the server does by rewriting.
  if (schema.isConstrained(to)) return 'rewrite';
  return costOfChange(baseOf(from, schema), baseOf(to, schema));
}

/** The type below a domain, and below that one. */
export function baseOf(type: DataType, schema: SchemaModel): DataType {
  const known = schema.type(type);
  return known?.kind === 'domain' ? baseOf(known.base, schema) : type;
}

// `USING c` and `USING c::the_new_type` say no more than no USING at all.
function isNoOp(using: Node | undefined, column: string, to: DataType): boolean {
  if (using === undefined || isPlainColumn(using, column)) return true;
  const cast = pick(using, 'TypeCast');
  if (cast === undefined || !isPlainColumn(cast.arg, column)) return false;
  const target = dataType(cast.typeName);
  return target.name === to.name && target.modifiers.join() === to.modifiers.join();
}

/** True when the new type takes any text, so that the old one was most likely a shorter text. */
export function isUnlimitedText(type: DataType): boolean {
  return (type.name === 'text' || type.name === 'varchar') && type.modifiers.length === 0;
}
