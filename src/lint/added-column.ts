// The columns that an ALTER TABLE adds to tables with rows.

import type { SchemaModel } from './model/schema.ts';
import { type AddedColumn, addedColumns, type Statement } from './statement.ts';

/** Left out: tables that this file made, and columns that IF NOT EXISTS finds there already. */
export function columnsAddedToRows(statement: Statement, schema: SchemaModel): AddedColumn[] {
  return addedColumns(statement).filter(
    ({ table, name, command }) =>
      !schema.isNew(table) && !(command.missing_ok && schema.column(table, name) !== undefined),
  );
}
