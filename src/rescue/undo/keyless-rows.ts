// SQL that puts noted rows of a table without a key back: a row is found by all that it holds, and of
// equal rows as many are taken as were noted. Pure.

import type { NotedTable } from './keyed-rows.ts';
import { rowAsTexts } from './tables.ts';

/** Gives whole rows their old content; returns the ids of the notes that found one. */
export function restoreWhole(noted: NotedTable): string {
  const { table } = noted;
  const columns = table.columns.filter(({ isComputed }) => !isComputed);
  const sets = columns.map(
    ({ number, name, type }) => `${name} = (j.was ->> '${number}')::${type}`,
  );
  return `${paired(noted)}
    UPDATE ${table.name} t SET ${sets.join(', ')} FROM paired j
     WHERE t.tableoid = j.place_table AND t.ctid = j.place AND ${rowAsTexts(table, 't')} = j.became RETURNING j.id::text`;
}

/** Takes rows away that the plan has made; returns the ids of the notes that found one. */
export function deleteWhole(noted: NotedTable): string {
  return `${paired(noted)}
    DELETE FROM ${noted.table.name} t USING paired j
     WHERE t.tableoid = j.place_table AND t.ctid = j.place AND ${rowAsTexts(noted.table, 't')} = j.became RETURNING j.id::text`;
}

function paired({ table }: NotedTable): string {
  return `WITH noted AS (
      SELECT id, was, became, row_number() OVER (PARTITION BY became ORDER BY id) AS nth
        FROM drydock.undo_rows WHERE id = ANY ($1)),
    found AS (
      SELECT r.tableoid AS place_table, r.ctid AS place, r.content,
             row_number() OVER (PARTITION BY r.content ORDER BY r.tableoid, r.ctid) AS nth
        FROM (SELECT t.tableoid, t.ctid, ${rowAsTexts(table, 't')} AS content FROM ${table.name} t) r
       WHERE r.content IN (SELECT became FROM noted)),
    paired AS (SELECT n.id, n.was, n.became, f.place_table, f.place FROM noted n JOIN found f ON f.content = n.became AND f.nth = n.nth)`;
}
