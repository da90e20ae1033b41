// What DROP, RENAME and SET SCHEMA do to the names in the model.

import { bodyOf, droppedNames, type Statement } from '../statement.ts';
import type { SchemaModel } from './schema.ts';
import { renameLock, type TransactionModel } from './transaction.ts';

export function foldDrop(schema: SchemaModel, statement: Statement): void {
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

export function foldRename(
  schema: SchemaModel,
  statement: Statement,
  transaction: TransactionModel,
): void {
  const rename = bodyOf(statement, 'RenameStmt');
  if (rename?.relation === undefined || rename.newname === undefined) return;
  const key = schema.key(rename.relation);
  const schemaName = key.slice(0, key.indexOf('.'));
  if (/^OBJECT_(TABLE|VIEW|MATVIEW)$/.test(rename.renameType ?? '')) {
    rekey(schema, key, `${schemaName}.${rename.newname}`);
    renameLock(transaction, key, `${schemaName}.${rename.newname}`);
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

export function rekey(schema: SchemaModel, from: string, to: string): void {
  const table = schema.tables.get(from);
  const view = schema.views.get(from);
  if (view !== undefined) schema.views.set(to, view);
  schema.views.delete(from);
  schema.gone.add(from);
  if (table === undefined) return;
  schema.tables.delete(from);
  schema.tables.set(to, { ...table, key: to });
  for (const name of schema.indexKeysOf(from)) {
    const index = schema.index(name);
    if (index !== undefined) schema.addIndex(name, { ...index, table: to });
  }
}
