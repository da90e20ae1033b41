// One change of the broken database as a statement for the restored one: only what the application itself
// wrote. A whole row would carry along what the migration had left in the other columns.

import { quoteIdentifier } from '../postgres/address.ts';
import type { RowChange, StreamValue } from '../postgres/pgoutput.ts';
import type { ImageTable, MappedTable } from './columns.ts';

/** A statement for the restored database. */
export interface ReplayStatement {
  readonly sql: string;
  readonly values: readonly (string | null)[];
}

/** What a change becomes. */
export interface Replayed {
  /** Nothing where it wrote nothing that the old schema has. */
  readonly statement: ReplayStatement | null;
  /** Columns it wrote that the old schema does not have. */
  readonly beyond: readonly string[];
}

type Cell = readonly [column: string, value: string | null];

/**
 * Builds the statement. The table's replica identity must be FULL where it is updated: without the old
 * values nobody can tell which ones the application changed.
 */
export function replayStatement(
  change: Exclude<RowChange, { kind: 'truncate' }>,
  table: MappedTable,
): Replayed {
  if (change.kind === 'delete') {
    const where = whereOf(table, change.old);
    const sql = `DELETE FROM ${named(table.was)} WHERE ${where.sql(1)}`;
    return { statement: { sql, values: where.values }, beyond: [] };
  }
  if (change.kind === 'insert') return insertOf(change.row, change.table.columns, table);
  if (change.old === null) throw new Error(`no old row of ${table.was.name} in the stream`);
  const { old } = change;
  const changed = change.row.map((value, at) => (value === old[at] ? undefined : value));
  const cells = cellsOf(table, changed);
  const beyond = beyondOf(table, changed, change.table.columns);
  if (cells.length === 0) return { statement: null, beyond };
  const set = cells.map(([column], at) => `${quoteIdentifier(column)} = $${at + 1}`).join(', ');
  const where = whereOf(table, old);
  const sql = `UPDATE ${named(table.was)} SET ${set} WHERE ${where.sql(cells.length + 1)}`;
  return {
    statement: { sql, values: [...cells.map(([, value]) => value), ...where.values] },
    beyond,
  };
}

function insertOf(
  row: readonly StreamValue[],
  streamed: readonly { readonly name: string }[],
  table: MappedTable,
): Replayed {
  const cells = cellsOf(table, row);
  const columns = cells.map(([column]) => quoteIdentifier(column)).join(', ');
  const parameters = cells.map((_, at) => `$${at + 1}`).join(', ');
  const sql = `INSERT INTO ${named(table.was)} (${columns}) OVERRIDING SYSTEM VALUE VALUES (${parameters})`;
  return {
    statement: { sql, values: cells.map(([, value]) => value) },
    beyond: beyondOf(table, row, streamed),
  };
}

/** The name to write, qualified and quoted. */
export function named({ schema, name }: ImageTable): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

function cellsOf({ columns }: MappedTable, row: readonly StreamValue[]): Cell[] {
  return row.flatMap((value, at): Cell[] => {
    const column = columns[at];
    return column === undefined || value === undefined ? [] : [[column, value]];
  });
}

function beyondOf(
  { columns }: MappedTable,
  row: readonly StreamValue[],
  streamed: readonly { readonly name: string }[],
): string[] {
  return row.flatMap((value, at) =>
    columns[at] === undefined && value !== undefined ? [streamed[at]?.name ?? ''] : [],
  );
}

// By the key; without one by the whole row, and then one of those that are equal.
function whereOf(
  table: MappedTable,
  old: readonly StreamValue[],
): { readonly values: readonly string[]; sql(from: number): string } {
  const { key } = table.was;
  const cells = cellsOf(table, old).filter(([column]) => key.length === 0 || key.includes(column));
  const values = cells.flatMap(([, value]) => (value === null ? [] : [value]));
  const conditions = (from: number): string => {
    let next = from;
    return cells
      .map(([column, value]) => {
        const name = quoteIdentifier(column);
        if (value === null) return `${name} IS NULL`;
        next += 1;
        return key.length > 0 ? `${name} = $${next - 1}` : `${name}::text = $${next - 1}`;
      })
      .join(' AND ');
  };
  const sql = (from: number): string =>
    key.length > 0
      ? conditions(from)
      : `ctid = (SELECT ctid FROM ${named(table.was)} WHERE ${conditions(from)} LIMIT 1)`;
  return { values, sql };
}
