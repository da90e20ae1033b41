// A picture of a schema that can be committed: names, types, constraints, sizes; no rows, no
// expressions, no addresses. CI checks against it without credentials.

import { readFileSync } from 'node:fs';
import { Failure } from '../core/failure.ts';
import {
  type ColumnModel,
  type ConstraintModel,
  emptyTable,
  type IndexModel,
  SchemaModel,
  type TableModel,
  type TableSize,
  type TypeModel,
} from './model/schema.ts';
import type { Volatility } from './sql/expression.ts';

/** A table of a snapshot. */
export interface TableSnapshot {
  readonly key: string;
  readonly kind: TableModel['kind'];
  readonly size: TableSize;
  readonly published: boolean;
  readonly partitionOf: string | null;
  readonly isDefaultPartition: boolean;
  /** The columns that choose a partition, where it has partitions. */
  readonly partitionKey: readonly string[] | null;
  readonly columns: readonly ColumnModel[];
  readonly constraints: readonly Omit<ConstraintModel, 'transaction'>[];
}

/** The schema of one database at one moment. */
export interface SchemaSnapshot {
  readonly kind: 'schema-snapshot';
  readonly version: 1;
  readonly takenAt: string;
  readonly serverVersion: number;
  readonly tables: readonly TableSnapshot[];
  /** By schema and name. */
  readonly indexes: Readonly<Record<string, IndexModel>>;
  readonly types: Readonly<Record<string, TypeModel>>;
  readonly views: Readonly<Record<string, readonly string[]>>;
  readonly routines: Readonly<Record<string, Volatility>>;
}

/** The model that a snapshot describes: complete, so that what is not in it does not exist. */
export function modelOf(snapshot: SchemaSnapshot): SchemaModel {
  const schema = new SchemaModel({ isComplete: true, serverVersion: snapshot.serverVersion });
  for (const each of snapshot.tables) {
    const table = emptyTable(each.key);
    table.kind = each.kind;
    table.published = each.published;
    table.hasAllColumns = true;
    table.partitionOf = each.partitionOf ?? undefined;
    table.partitionKey = each.partitionKey ?? undefined;
    for (const column of each.columns) table.columns.set(column.name, column);
    for (const constraint of each.constraints) {
      table.constraints.set(constraint.name, { ...constraint, transaction: 0 });
    }
    schema.tables.set(each.key, table);
    schema.setSize(each.key, each.size);
  }
  for (const { key, partitionOf, isDefaultPartition } of snapshot.tables) {
    const parent = schema.tables.get(partitionOf ?? '');
    parent?.partitions.add(key);
    if (parent !== undefined && isDefaultPartition) parent.defaultPartition = key;
  }
  for (const [key, index] of Object.entries(snapshot.indexes)) schema.addIndex(key, index);
  for (const [key, type] of Object.entries(snapshot.types)) schema.types.set(key, type);
  for (const [key, columns] of Object.entries(snapshot.views)) schema.views.set(key, columns);
  for (const [name, volatility] of Object.entries(snapshot.routines)) {
    schema.routines.set(name, { volatility, definition: undefined, commits: false });
  }
  return schema;
}

/**
 * Reads a snapshot from its file.
 *
 * @throws `lint/bad-snapshot` when the file is missing or is something else
 */
export function readSnapshot(path: string): SchemaSnapshot {
  try {
    const document = JSON.parse(readFileSync(path, 'utf8')) as SchemaSnapshot;
    if (document.kind === 'schema-snapshot' && document.version === 1) return document;
  } catch (error) {
    throw badSnapshot(path, (error as Error).message);
  }
  throw badSnapshot(path, 'it is another kind of document');
}

function badSnapshot(path: string, why: string): Failure {
  return new Failure({
    code: 'lint/bad-snapshot',
    message: `${path} is no schema snapshot: ${why}`,
    hint: `Make one with: drydock schema snapshot production > ${path}`,
  });
}
