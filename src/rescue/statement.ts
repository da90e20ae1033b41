// One change of the broken database as a statement for the restored one: only what the application itself
// wrote. A whole row would carry along what the migration had left in the other columns.

import { quoteIdentifier, quoteLiteral } from '../postgres/address.ts';
import type { RowChange, StreamValue } from '../postgres/pgoutput.ts';
import type { ImageTable, MappedTable } from './image.ts';

/** What a change becomes. */
export interface Replayed {
  /** Nothing where it wrote nothing that the old schema has. */
  readonly sql: string | null;
  /** Columns it wrote that the old schema does not have. */
  readonly beyond: readonly string[];
  /** The key of the row before the change, as {@link keyText} writes it; null without a key. */
  readonly key: string | null;
  /** The key after it, where the row got another one. */
  readonly newKey: string | null;
}

type Cell = readonly [column: string, value: string | null];

/**
 * Builds the statement, for a session that reads and prints values as the stream did.
 *
 * @param finder a column by which rows of a table without a key are found quickly
 */
export function replayStatement(
  change: Exclude<RowChange, { kind: 'truncate' }>,
  table: MappedTable,
  finder?: string,
): Replayed {
  switch (change.kind) {
    case 'delete': {
      const sql = `DELETE FROM ${named(table.was)} WHERE ${whereOf(table, change.old, finder)}`;
      return { sql, beyond: [], key: keyText(table, change.old), newKey: null };
    }
    case 'insert':
      return insertOf(change.row, table);
    case 'update':
      return updateOf(change, table, finder);
  }
}

function insertOf(row: readonly StreamValue[], table: MappedTable): Replayed {
  const cells = cellsOf(table, row);
  const columns = cells.map(([column]) => quoteIdentifier(column)).join(', ');
  const values = cells.map(([, value]) => literal(value)).join(', ');
  const what =
    cells.length === 0
      ? 'DEFAULT VALUES'
      : `(${columns}) OVERRIDING SYSTEM VALUE VALUES (${values})`;
  return {
    sql: `INSERT INTO ${named(table.was)} ${what}`,
    beyond: beyondOf(table, row),
    key: keyText(table, row),
    newKey: null,
  };
}

// Without the old row nobody can tell what was changed: then no migration has touched the table either
// (Replay sees to that), and the whole row is the application's.
function updateOf(
  { old, row }: Extract<RowChange, { kind: 'update' }>,
  table: MappedTable,
  finder: string | undefined,
): Replayed {
  const { whole } = table.was;
  const before = old === null ? row : old;
  const changed =
    whole && old !== null ? row.map((value, at) => (value === old[at] ? undefined : value)) : row;
  const cells = cellsOf(table, changed);
  const set = cells.map(([column, value]) => `${quoteIdentifier(column)} = ${literal(value)}`);
  const [key, newKey] = [keyText(table, before), keyText(table, row)];
  const update = `UPDATE ${named(table.was)} SET ${set.join(', ')} WHERE ${whereOf(table, before, finder)}`;
  return {
    sql: set.length === 0 ? null : mustMeet(update, table, { key, after: row }),
    beyond: beyondOf(table, changed),
    key,
    newKey: newKey === key ? null : newKey,
  };
}

// An update that meets no row was of one that the migration had made: it does not fit. A row whose key a
// cascade has changed already is there under its new one.
function mustMeet(
  update: string,
  table: MappedTable,
  { key, after }: { readonly key: string | null; readonly after: readonly StreamValue[] },
): string {
  if (key === null) return update;
  const there = `EXISTS (SELECT FROM ${named(table.was)} WHERE ${whereOf(table, after, undefined)})`;
  return `WITH met AS (${update} RETURNING 1) SELECT drydock_replay.met_row((SELECT count(*) FROM met) > 0 OR ${there})`;
}

/** The name to write, qualified and quoted. */
export function named({ schema, name }: Pick<ImageTable, 'schema' | 'name'>): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

/** A row's key as one text; null where the table has no key, or not all of it is there. */
export function keyText(table: MappedTable, row: readonly StreamValue[]): string | null {
  const { key } = table.was;
  const cells = new Map(cellsOf(table, row));
  const values = key.map((column) => cells.get(column));
  return key.length === 0 || values.includes(undefined) ? null : JSON.stringify(values);
}

function literal(value: string | null): string {
  return value === null ? 'NULL' : quoteLiteral(value);
}

function cellsOf({ columns }: MappedTable, row: readonly StreamValue[]): Cell[] {
  return row.flatMap((value, at): Cell[] => {
    const column = columns[at];
    return column === undefined || value === undefined ? [] : [[column.name, value]];
  });
}

// What a new column holds without anybody's doing was not written by the application.
function beyondOf({ columns, now }: MappedTable, row: readonly StreamValue[]): string[] {
  return row.flatMap((value, at) => {
    const isNews = value !== undefined && value !== null && value !== now[at]?.fill;
    return columns[at] === undefined && isNews ? [now[at]?.name ?? ''] : [];
  });
}

// By the key; without one by the whole row, and then one of those that are equal.
function whereOf(
  table: MappedTable,
  old: readonly StreamValue[],
  finder: string | undefined,
): string {
  const { key } = table.was;
  const cells = cellsOf(table, old);
  if (key.length > 0) {
    return cells
      .filter(([column]) => key.includes(column))
      .map(([column, value]) => `${quoteIdentifier(column)} = ${literal(value)}`)
      .join(' AND ');
  }
  const conditions = cells.map(([column, value]) => {
    const name = quoteIdentifier(column);
    if (value === null) return `${name} IS NULL`;
    // Not every type can be compared; every one can be printed, as the stream prints it.
    return column === finder
      ? `${name} = ${literal(value)}`
      : `format('%s', ${name}) = ${literal(value)}`;
  });
  return `ctid = (SELECT ctid FROM ONLY ${named(table.was)} WHERE ${conditions.join(' AND ')} LIMIT 1)`;
}
