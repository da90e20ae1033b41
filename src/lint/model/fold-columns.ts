// The columns and constraints of a table in the model, as CREATE TABLE and ALTER TABLE write them.

import type { ColumnDef, Constraint } from '@pgsql/types';
import { columnsOf, columnsProvedNotNull, constantsOf } from '../sql/expression.ts';
import { pickAll, strings } from '../sql/node.ts';
import { dataType, isSerial } from '../sql/type-name.ts';
import type { ColumnModel, SchemaModel, TableModel } from './schema.ts';
import type { TransactionModel } from './transaction.ts';

export function addColumn(
  schema: SchemaModel,
  table: TableModel,
  column: ColumnDef,
  transaction: Pick<TransactionModel, 'id'>,
): void {
  const name = column.colname ?? '';
  const constraints = pickAll(column.constraints, 'Constraint');
  const has = (kind: Constraint['contype']): boolean =>
    constraints.some((constraint) => constraint.contype === kind);
  const type = dataType(column.typeName);
  table.columns.set(name, {
    name,
    type,
    notNull:
      has('CONSTR_NOTNULL') || has('CONSTR_PRIMARY') || has('CONSTR_IDENTITY') || isSerial(type),
    hasDefault: has('CONSTR_DEFAULT') || has('CONSTR_IDENTITY') || isSerial(type),
  });
  for (const constraint of constraints) {
    addConstraint(schema, table, constraint, { columns: [name], transaction: transaction.id });
  }
}

const constraintKinds = {
  CONSTR_CHECK: ['check', 'check'],
  CONSTR_FOREIGN: ['foreign key', 'fkey'],
  CONSTR_UNIQUE: ['unique', 'key'],
  CONSTR_PRIMARY: ['primary key', 'pkey'],
  CONSTR_EXCLUSION: ['exclusion', 'excl'],
  CONSTR_NOTNULL: ['not null', 'not_null'],
} as const;

export function addConstraint(
  schema: SchemaModel,
  table: TableModel,
  constraint: Constraint,
  context: { columns: readonly string[]; transaction: number },
): void {
  const kinds = constraintKinds[constraint.contype as keyof typeof constraintKinds];
  if (kinds === undefined) return;
  const [kind, suffix] = kinds;
  const index = schema.index(
    `${table.key.slice(0, table.key.indexOf('.'))}.${constraint.indexname}`,
  );
  const written = strings(constraint.fk_attrs ?? constraint.keys);
  const columns = [context.columns, written, index?.columns ?? []].find((each) => each.length > 0);
  const used = columns ?? columnsOf(constraint.raw_expr);
  const relname = table.key.slice(table.key.indexOf('.') + 1);
  const inName = kind === 'primary key' ? [] : [...new Set(used)];
  const name = constraint.conname ?? [relname, ...inName, suffix].join('_');
  table.constraints.set(name, {
    name,
    kind,
    columns: used,
    validated: constraint.skip_validation !== true,
    provesNotNull: columnsProvedNotNull(constraint.raw_expr),
    constants: constantsOf(constraint.raw_expr),
    references: kind === 'foreign key' ? schema.key(constraint.pktable) : undefined,
    transaction: context.transaction,
  });
  if (kind === 'unique' || kind === 'primary key') {
    schema.addIndex(`${table.key.slice(0, table.key.indexOf('.'))}.${name}`, {
      name,
      table: table.key,
      columns: used,
      isUnique: true,
      isPartial: false,
      readsColumns: [],
    });
  }
  if (kind === 'primary key')
    for (const column of used) setColumn(table, column, { notNull: true });
}

export function setColumn(table: TableModel, name: string, change: Partial<ColumnModel>): void {
  const column = table.columns.get(name);
  if (column !== undefined) table.columns.set(name, { ...column, ...change });
}
