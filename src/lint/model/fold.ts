// Applies one statement to the model: what is true of the schema after it has run.

import type { RangeVar } from '@pgsql/types';
import { columnsOf } from '../sql/expression.ts';
import { pick, pickAll, walk } from '../sql/node.ts';
import { dataType } from '../sql/type-name.ts';
import { type Alteration, alterations, bodyOf, type Statement } from '../statement.ts';
import { addColumn, addConstraint, setColumn } from './fold-columns.ts';
import { foldDrop, foldRename, rekey } from './fold-names.ts';
import { foldAlteredRoutine, foldRoutine, foldType } from './fold-types.ts';
import { emptyTable, type SchemaModel, type TableModel } from './schema.ts';
import { renameLock, type TransactionModel } from './transaction.ts';

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
    const parts = pickAll(index?.indexParams, 'IndexElem');
    const columns = parts.map((each) => each.name ?? '');
    const name = index?.idxname ?? `${index?.relation?.relname}_${columns.join('_')}_idx`;
    const key = `${table.slice(0, table.indexOf('.'))}.${name}`;
    if (index?.if_not_exists && schema.index(key) !== undefined) return;
    schema.addIndex(key, {
      name,
      table,
      columns,
      isUnique: index?.unique === true,
      isPartial: index?.whereClause !== undefined,
      readsColumns: columnsOf([index?.whereClause, ...parts.map((each) => each.expr)]),
    });
  },
  DropStmt: foldDrop,
  RenameStmt: foldRename,
  AlterObjectSchemaStmt: (schema, statement, transaction) => {
    const move = bodyOf(statement, 'AlterObjectSchemaStmt');
    if (move?.objectType !== 'OBJECT_TABLE' || move.relation === undefined) return;
    const [from, to] = [schema.key(move.relation), `${move.newschema}.${move.relation.relname}`];
    rekey(schema, from, to);
    renameLock(transaction, from, to);
  },
  ViewStmt: (schema, statement) => {
    const view = bodyOf(statement, 'ViewStmt');
    noteView(schema, view?.view, view?.query);
  },
  VariableSetStmt: (schema, statement) => {
    const set = bodyOf(statement, 'VariableSetStmt');
    if (set?.name !== 'search_path' && set?.kind !== 'VAR_RESET_ALL') return;
    const path = pickAll(set.args, 'A_Const').map((each) => each.sval?.sval ?? '');
    const known = path.filter((each) => !/^("?\$user"?|)$/.test(each));
    schema.searchPath = known.length === 0 ? ['public'] : known;
  },
  CreateEnumStmt: foldType,
  CreateDomainStmt: foldType,
  AlterDomainStmt: foldType,
  AlterEnumStmt: foldType,
  CompositeTypeStmt: foldType,
  CreateRangeStmt: foldType,
  CreateFunctionStmt: foldRoutine,
  AlterFunctionStmt: foldAlteredRoutine,
  CreateSchemaStmt: (schema, statement, transaction) => {
    const create = bodyOf(statement, 'CreateSchemaStmt');
    const path = schema.searchPath;
    schema.searchPath = [create?.schemaname ?? 'public'];
    for (const node of create?.schemaElts ?? []) fold(schema, { ...statement, node }, transaction);
    schema.searchPath = path;
  },
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
  const key = schema.newKey(name);
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
  if (create.partspec !== undefined) {
    table.kind = 'partitioned table';
    const parts = pickAll(create.partspec.partParams, 'PartitionElem');
    table.partitionKey = parts.flatMap(({ name, expr }) => name ?? columnsOf(expr));
  }
  for (const { relation } of pickAll(create.tableElts, 'TableLikeClause')) {
    const source = schema.table(relation);
    if (source?.hasAllColumns !== true) table.hasAllColumns = false;
    for (const column of source?.columns.values() ?? []) table.columns.set(column.name, column);
  }
  for (const column of pickAll(create.tableElts, 'ColumnDef')) {
    addColumn(schema, table, column, transaction);
  }
  for (const constraint of pickAll(create.tableElts, 'Constraint')) {
    addConstraint(schema, table, constraint, { columns: [], transaction: transaction.id });
  }
  for (const parent of pickAll(create.inhRelations, 'RangeVar')) {
    // What is added to the parent later is added here too, which the model does not follow.
    table.hasAllColumns = false;
    for (const column of schema.table(parent)?.columns.values() ?? []) {
      table.columns.set(column.name, column);
    }
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
