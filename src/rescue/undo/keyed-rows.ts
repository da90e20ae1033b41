// SQL that puts noted rows of a table with a key back: only what is still as the plan left it. Pure.

import type { RetypedColumn } from '../../history/undo-runs.ts';
import type { NumberedColumn, NumberedTable } from './tables.ts';

/** A table whose rows are put back. */
export interface NotedTable {
  readonly table: NumberedTable;
  /** Columns that the plan gave another type, and that have their old one again. */
  readonly retyped: readonly RetypedColumn[];
  /** Foreign keys that refer to the table. */
  readonly referredBy: readonly {
    readonly child: string;
    /** Numbers of the columns that are referred to, with the quoted names of those that refer. */
    readonly columns: readonly (readonly [number, string])[];
  }[];
}

/** Puts the columns with these numbers back; returns the ids of the notes whose row had one of them. */
export function restoreColumns(noted: NotedTable, numbers: readonly number[]): string {
  const columns = noted.table.columns.filter(
    ({ number, isComputed }) => numbers.includes(number) && !isComputed,
  );
  const isAsLeft = (column: NumberedColumn): string =>
    `(pg_catalog.jsonb_exists(j.became, '${column.number}') AND ${sameAsLeft(noted, column)})`;
  const sets = columns.map(
    (column) =>
      `${column.name} = CASE WHEN ${isAsLeft(column)} THEN (j.was ->> '${column.number}')::${column.type} ELSE t.${column.name} END`,
  );
  return `UPDATE ${noted.table.name} t SET ${sets.join(', ')} FROM drydock.undo_rows j
    WHERE j.id = ANY ($1) AND ${sameKey(noted)} AND (${columns.map(isAsLeft).join(' OR ')})
    RETURNING j.id::text`;
}

/** Makes rows again that the plan has deleted. */
export function insertAgain({ table }: NotedTable): string {
  const columns = table.columns.filter(({ isComputed }) => !isComputed);
  const given = (numbers: readonly number[]): NumberedColumn[] =>
    columns.filter(({ number }) => numbers.includes(number));
  const all = given(columns.map(({ number }) => number));
  return `INSERT INTO ${table.name} (${all.map(({ name }) => name).join(', ')}) OVERRIDING SYSTEM VALUE
    SELECT ${all.map(({ number, type }) => `(j.was ->> '${number}')::${type}`).join(', ')}
      FROM drydock.undo_rows j WHERE j.id = ANY ($1) ORDER BY j.id
    ON CONFLICT DO NOTHING`;
}

/** Keeps others from referring to rows that are about to go. */
export function lockRows(noted: NotedTable): string {
  return `SELECT FROM ${noted.table.name} t JOIN drydock.undo_rows j ON ${sameKey(noted)} WHERE j.id = ANY ($1) FOR UPDATE OF t`;
}

/** Takes away rows that the plan has made, where nobody has written or referred to them since. */
export function deleteMade(noted: NotedTable): string {
  const untouched = noted.table.columns
    .filter(({ isComputed }) => !isComputed)
    .map(
      (column) =>
        `(NOT pg_catalog.jsonb_exists(j.became, '${column.number}') OR ${sameAsLeft(noted, column)})`,
    );
  const unused = noted.referredBy.map(({ child, columns }) => {
    const joined = columns.map(([number, name]) => `c.${name} = t.${nameOf(noted, number)}`);
    return `NOT EXISTS (SELECT FROM ${child} c WHERE ${joined.join(' AND ')})`;
  });
  return `DELETE FROM ${noted.table.name} t USING drydock.undo_rows j
    WHERE j.id = ANY ($1) AND ${sameKey(noted)} AND ${[...untouched, ...unused].join(' AND ')}
    RETURNING j.id::text`;
}

/** The notes among those given whose rows are there. */
export function stillThere(noted: NotedTable): string {
  return `SELECT j.id::text FROM drydock.undo_rows j JOIN ${noted.table.name} t ON ${sameKey(noted)} WHERE j.id = ANY ($1)`;
}

function sameKey({ table }: NotedTable): string {
  return table.key
    .map((number) => {
      const column = table.columns.find((each) => each.number === number);
      return `t.${column?.name} ${column?.equals ?? '='} (j.key ->> '${number}')::${column?.type}`;
    })
    .join(' AND ');
}

// As texts: 1.0 and 1.00 are equal and yet not the same.
function sameAsLeft({ table, retyped }: NotedTable, { number, name }: NumberedColumn): string {
  const change = retyped.find(
    ({ relation, column }) => relation === table.relation && column === number,
  );
  const left =
    change === undefined
      ? `(j.became ->> '${number}')`
      : `((j.became ->> '${number}')::${change.to}::${change.from})::text`;
  return `t.${name}::text IS NOT DISTINCT FROM ${left}`;
}

function nameOf({ table }: NotedTable, number: number): string {
  return table.columns.find((column) => column.number === number)?.name ?? '';
}
