// Applies one statement to the model: what is true of the schema after it has run.

import type { ColumnDef, Constraint, RangeVar } from '@pgsql/types';
import { columnsOf, columnsProvedNotNull } from '../sql/expression.ts';
import { pick, pickAll, strings, walk } from '../sql/node.ts';
import { dataType, isSerial } from '../sql/type-name.ts';
import {
  type Alteration,
  alterations,
  bodyOf,
  droppedNames,
  type Statement,
} from '../statement.ts';
import { foldRoutine, foldType } from './fold-types.ts';
import { type ColumnModel, emptyTable, type SchemaModel, type TableModel } from './schema.ts';
import type { TransactionModel } from './transaction.ts';

/** Changes `schema` as the statement changes the database. */
export function fold(
  schema: SchemaModel,
  statement: Statement,
  transaction: TransactionModel,
): void {
  const kind = Object.keys(statement.node)[0] ?? '';
  folders[kind]?.(schema, statement, transaction);
}

type Folder = (schema: SchemaModel, statement: Statement, transaction: TransactionModel) => void;

const folders: Readonly<Record<string, Folder>> = {
  CreateStmt: foldCreateTable,
  CreateTableAsStmt: (schema, statement) => {
    const create = bodyOf(statement, 'CreateTableAsStmt');
    const table = makeTable(schema, create?.into?.rel, create?.if_not_exists === true);
    if (table !== undefined && create?.objtype === 'OBJECT_MATVIEW')
      table.kind = 'materialized view';
    if (create?.objtype === 'OBJECT_MATVIEW') noteView(schema, create.into?.rel, create.query);
  },
  SelectStmt: (schema, statement) => {
    const into = bodyOf(statement, 'SelectStmt')?.intoClause?.rel;
    if (into !== undefined) makeTable(schema, into, false);
  },
  AlterTableStmt: (schema, statement, transaction) => {
    for (const each of alterations(statement)) foldAlteration(schema, each, transaction);
  },
  IndexStmt: (schema, statement) => {
    const index = bodyOf(statement, 'IndexStmt');
    const table = schema.key(index?.relation);
    const columns = pickAll(index?.indexParams, 'IndexElem').map((each) => each.name ?? '');
    const name = index?.idxname ?? `${index?.relation?.relname}_${columns.join('_')}_idx`;
    const key = `${table.slice(0, table.indexOf('.'))}.${name}`;
    if (index?.if_not_exists && schema.index(key) !== undefined) return;
    schema.addIndex(key, {
      name,
      table,
      columns,
      isUnique: index?.unique === true,
      isPartial: index?.whereClause !== undefined,
    });
  },
  DropStmt: foldDrop,
  RenameStmt: foldRename,
  AlterObjectSchemaStmt: (schema, statement) => {
    const move = bodyOf(statement, 'AlterObjectSchemaStmt');
    if (move?.objectType !== 'OBJECT_TABLE' || move.relation === undefined) return;
    rekey(schema, schema.key(move.relation), `${move.newschema}.${move.relation.relname}`);
  },
  ViewStmt: (schema, statement) => {
    const view = bodyOf(statement, 'ViewStmt');
    noteView(schema, view?.view, view?.query);
  },
  VariableSetStmt: (schema, statement) => {
    const set = bodyOf(statement, 'VariableSetStmt');
    if (set?.name !== 'search_path') return;
    const first = pick(set.args?.[0], 'A_Const')?.sval?.sval;
    schema.defaultSchema = first === undefined || first.startsWith('"$') ? 'public' : first;
  },
  CreateEnumStmt: foldType,
  CreateDomainStmt: foldType,
  AlterDomainStmt: foldType,
  AlterEnumStmt: foldType,
  CompositeTypeStmt: foldType,
  CreateRangeStmt: foldType,
  CreateFunctionStmt: foldRoutine,
};

function noteView(schema: SchemaModel, name: RangeVar | undefined, query: unknown): void {
  const tables: string[] = [];
  walk([query], (kind, body) => {
    if (kind === 'RangeVar') tables.push(schema.key(body as RangeVar));
  });
  const columns = columnsOf(query);
  schema.views.set(
    schema.key(name),
    tables.flatMap((table) => columns.map((column) => `${table}.${column}`)),
  );
}

function makeTable(
  schema: SchemaModel,
  name: RangeVar | undefined,
  ifNotExists: boolean,
): TableModel | undefined {
  if (name === undefined) return undefined;
  const key = schema.key(name);
  if (ifNotExists && schema.tables.has(key)) return undefined;
  const table = emptyTable(key);
  if (!ifNotExists || schema.isComplete || schema.gone.has(key)) table.madeIn = schema.file;
  else table.perhapsMadeIn = schema.file;
  table.hasAllColumns = table.madeIn !== undefined;
  // A snapshot's figures stay true of a table that the history makes once more.
  table.size = schema.tables.get(key)?.size;
  schema.tables.set(key, table);
  schema.gone.delete(key);
  return table;
}

function foldCreateTable(
  schema: SchemaModel,
  statement: Statement,
  transaction: TransactionModel,
): void {
  const create = bodyOf(statement, 'CreateStmt');
  const table = makeTable(schema, create?.relation, create?.if_not_exists === true);
  if (create === undefined || table === undefined) return;
  if (create.partspec !== undefined) table.kind = 'partitioned table';
  for (const column of pickAll(create.tableElts, 'ColumnDef')) {
    addColumn(schema, table, column, transaction);
  }
  for (const constraint of pickAll(create.tableElts, 'Constraint')) {
    addConstraint(schema, table, constraint, { columns: [], transaction: transaction.id });
  }
  if (pickAll(create.tableElts, 'TableLikeClause').length > 0) table.hasAllColumns = false;
  for (const parent of pickAll(create.inhRelations, 'RangeVar')) {
    table.hasAllColumns = false;
    if (create.partbound === undefined) continue;
    attach(schema.ensure(schema.key(parent)), table, create.partbound.is_default === true);
  }
}

function attach(parent: TableModel, child: TableModel, isDefault: boolean): void {
  parent.kind = 'partitioned table';
  parent.partitions.add(child.key);
  child.partitionOf = parent.key;
  if (isDefault) parent.defaultPartition = child.key;
}

function addColumn(
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

function addConstraint(
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
    });
  }
  if (kind === 'primary key')
    for (const column of used) setColumn(table, column, { notNull: true });
}

function setColumn(table: TableModel, name: string, change: Partial<ColumnModel>): void {
  const column = table.columns.get(name);
  if (column !== undefined) table.columns.set(name, { ...column, ...change });
}

function foldAlteration(
  schema: SchemaModel,
  { kind, table: name, command, name: named }: Alteration,
  transaction: TransactionModel,
): void {
  const table = schema.ensure(schema.key(name));
  switch (kind) {
    case 'AT_AddColumn': {
      const column = pick(command.def, 'ColumnDef');
      const isThere = command.missing_ok && table.columns.has(column?.colname ?? '');
      if (column !== undefined && !isThere) addColumn(schema, table, column, transaction);
      return;
    }
    case 'AT_DropColumn':
      table.columns.delete(named);
      for (const [key, constraint] of table.constraints) {
        if (constraint.columns.includes(named)) table.constraints.delete(key);
      }
      for (const key of schema.indexKeysOf(table.key)) {
        if (schema.index(key)?.columns.includes(named)) schema.removeIndex(key);
      }
      return;
    case 'AT_AlterColumnType': {
      const column = pick(command.def, 'ColumnDef');
      setColumn(table, named, { type: dataType(column?.typeName) });
      return;
    }
    case 'AT_SetNotNull':
      setColumn(table, named, { notNull: true });
      return;
    case 'AT_DropNotNull':
      setColumn(table, named, { notNull: false });
      return;
    case 'AT_ColumnDefault':
      setColumn(table, named, { hasDefault: command.def !== undefined });
      return;
    case 'AT_AddConstraint': {
      const constraint = pick(command.def, 'Constraint');
      if (constraint !== undefined) {
        addConstraint(schema, table, constraint, { columns: [], transaction: transaction.id });
      }
      return;
    }
    case 'AT_ValidateConstraint': {
      const constraint = table.constraints.get(named);
      if (constraint !== undefined)
        table.constraints.set(named, { ...constraint, validated: true });
      return;
    }
    case 'AT_DropConstraint':
      table.constraints.delete(named);
      schema.removeIndex(`${table.key.slice(0, table.key.indexOf('.'))}.${named}`);
      return;
    case 'AT_AttachPartition': {
      const partition = pick(command.def, 'PartitionCmd');
      const child = schema.ensure(schema.key(partition?.name));
      attach(table, child, partition?.bound?.is_default === true);
      return;
    }
    case 'AT_DetachPartition': {
      const child = schema.ensure(schema.key(pick(command.def, 'PartitionCmd')?.name));
      table.partitions.delete(child.key);
      if (table.defaultPartition === child.key) table.defaultPartition = undefined;
      child.partitionOf = undefined;
    }
  }
}

function foldDrop(schema: SchemaModel, statement: Statement): void {
  const drop = bodyOf(statement, 'DropStmt');
  if (drop === undefined) return;
  for (const name of droppedNames(drop)) {
    const key = schema.key(name);
    switch (drop.removeType) {
      case 'OBJECT_TABLE':
      case 'OBJECT_MATVIEW':
        forgetTable(schema, key);
        break;
      case 'OBJECT_INDEX':
        schema.removeIndex(key);
        break;
      case 'OBJECT_VIEW':
        schema.views.delete(key);
        break;
      case 'OBJECT_TYPE':
      case 'OBJECT_DOMAIN':
        schema.types.delete(key);
        break;
      case 'OBJECT_SCHEMA':
        for (const table of schema.tables.keys()) {
          if (table.startsWith(`${name.relname}.`)) forgetTable(schema, table);
        }
    }
  }
}

function forgetTable(schema: SchemaModel, key: string): void {
  const table = schema.tables.get(key);
  if (table?.partitionOf !== undefined) {
    const parent = schema.tables.get(table.partitionOf);
    parent?.partitions.delete(key);
    if (parent?.defaultPartition === key) parent.defaultPartition = undefined;
  }
  schema.tables.delete(key);
  schema.gone.add(key);
  for (const name of schema.indexKeysOf(key)) schema.removeIndex(name);
}

function foldRename(schema: SchemaModel, statement: Statement): void {
  const rename = bodyOf(statement, 'RenameStmt');
  if (rename?.relation === undefined || rename.newname === undefined) return;
  const key = schema.key(rename.relation);
  const schemaName = key.slice(0, key.indexOf('.'));
  if (rename.renameType === 'OBJECT_TABLE') {
    rekey(schema, key, `${schemaName}.${rename.newname}`);
  } else if (rename.renameType === 'OBJECT_COLUMN') {
    const table = schema.tables.get(key);
    const column = table?.columns.get(rename.subname ?? '');
    if (table === undefined || column === undefined) return;
    table.columns.delete(column.name);
    table.columns.set(rename.newname, { ...column, name: rename.newname });
  } else if (rename.renameType === 'OBJECT_INDEX') {
    const index = schema.index(key);
    if (index === undefined) return;
    schema.removeIndex(key);
    schema.addIndex(`${schemaName}.${rename.newname}`, { ...index, name: rename.newname });
  }
}

function rekey(schema: SchemaModel, from: string, to: string): void {
  const table = schema.tables.get(from);
  schema.gone.add(from);
  if (table === undefined) return;
  schema.tables.delete(from);
  schema.tables.set(to, { ...table, key: to });
  for (const name of schema.indexKeysOf(from)) {
    const index = schema.index(name);
    if (index !== undefined) schema.addIndex(name, { ...index, table: to });
  }
}
