// SQL that notes what became of rows, many at once. Pure. A row has one note, from its first change to its
// last, and what is noted of it already is taken into the new one.

import type { NumberedTable } from './tables.ts';

/** The table whose rows are noted, and the run that changes them. */
export interface Noting {
  readonly run: string;
  readonly table: Pick<NumberedTable, 'relation' | 'key'>;
}

/**
 * A setting for the function in which {@link noteRows} runs. Its plan may be made when nothing is noted, and
 * kept: without this it would read all notes for each row.
 */
export const byPlace = 'enable_seqscan = off';

/**
 * The statement that notes rows.
 *
 * @param pairs a query of `turn` (their order), `row_was` and `row_became`: each row as texts by the
 *   numbers of its columns before and after, NULL where there was none
 */
export function noteRows({ run, table }: Noting, pairs: string): string {
  return table.key.length === 0
    ? noteWhole({ run, table }, pairs)
    : noteKeyed({ run, table }, pairs);
}

function noteWhole({ run, table }: Noting, pairs: string): string {
  return `INSERT INTO drydock.undo_rows (run, relation, what, was, became)
    SELECT ${run}, ${table.relation}, ${what}, row_was, row_became FROM (${pairs}) AS pair ORDER BY turn`;
}

// Everything that was noted is gone before the first new note comes: the Sort asks for all of it. A row
// may take a key that another one leaves in the same statement.
//
// A trigger of the application may change rows of the same statement: its own statement is noted first. What
// is noted then goes on from where this change has led to, and not the other way round.
function noteKeyed({ run, table }: Noting, pairs: string): string {
  const keyOf = (row: string): string =>
    `pg_catalog.jsonb_build_object(${table.key.map((number) => `'${number}', ${row} -> '${number}'`).join(', ')})`;
  const place = (isDeleted: boolean): string =>
    `drydock.undo_place(${run}, ${table.relation}, ${keyOf('coalesce(row_was, row_became)')}, ${isDeleted})`;
  return `WITH pair AS MATERIALIZED (
      SELECT turn, row_was, row_became, ${place(false)} AS there, ${place(true)} AS gone FROM (${pairs}) AS given),
    earlier AS (
      DELETE FROM drydock.undo_rows r USING pair p
       WHERE r.key IS NOT NULL AND drydock.undo_place(r.run, r.relation, r.key, r.what = 'deleted')
             = ANY (CASE WHEN p.row_was IS NULL THEN ARRAY[p.there, p.gone] ELSE ARRAY[p.there] END)
      RETURNING p.turn, r.what, r.was, r.became),
    known AS (
      SELECT p.turn, p.row_was, p.row_became, e.what, e.was, e.became, g.was AS was_gone,
             CASE WHEN p.row_was IS NULL THEN true
                  WHEN p.row_became IS NULL THEN e.what = 'inserted' AND NOT p.row_was @> e.became
                  ELSE e.what = 'updated' AND p.row_became @> e.was AND NOT p.row_was @> e.became END AS is_first
        FROM pair p LEFT JOIN earlier e ON e.turn = p.turn AND e.what <> 'deleted'
                    LEFT JOIN earlier g ON g.turn = p.turn AND g.what = 'deleted'),
    -- Columns that were noted before a rename or a new type keep their first and their last value.
    whole AS (
      SELECT turn,
             CASE WHEN k.row_was IS NULL THEN k.was_gone WHEN k.what IS NULL OR k.is_first THEN k.row_was
                  WHEN k.what = 'updated' THEN k.row_was || k.was END AS row_was,
             CASE WHEN k.what IS NULL THEN k.row_became WHEN k.is_first THEN coalesce(k.row_became, '{}') || k.became
                  WHEN k.row_became IS NOT NULL THEN k.became || k.row_became END AS row_became
        FROM known k)
    INSERT INTO drydock.undo_rows (run, relation, key, what, was, became)
    SELECT ${run}, ${table.relation}, ${keyOf('coalesce(row_became, row_was)')}, ${what},
           CASE WHEN row_became IS NULL THEN row_was ELSE changed.was END,
           CASE WHEN row_was IS NULL THEN row_became ELSE changed.became END
      FROM whole CROSS JOIN LATERAL (
        SELECT pg_catalog.jsonb_object_agg(number, one) AS was, pg_catalog.jsonb_object_agg(number, other) AS became
          FROM (SELECT key AS number, value AS one, row_became -> key AS other FROM pg_catalog.jsonb_each(row_was)) AS texts
         WHERE one <> other) AS changed
     WHERE (row_was IS NULL) <> (row_became IS NULL) OR changed.was IS NOT NULL
     ORDER BY turn`;
}

const what = `CASE WHEN row_was IS NULL THEN 'inserted' WHEN row_became IS NULL THEN 'deleted' ELSE 'updated' END`;
