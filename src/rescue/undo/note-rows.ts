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
function noteKeyed({ run, table }: Noting, pairs: string): string {
  const keyOf = (row: string): string =>
    `pg_catalog.jsonb_build_object(${table.key.map((number) => `'${number}', ${row} -> '${number}'`).join(', ')})`;
  return `WITH pair AS MATERIALIZED (
      SELECT turn, row_was, row_became, drydock.undo_place(${run}, ${table.relation},
               ${keyOf('coalesce(row_was, row_became)')}, row_was IS NULL) AS place FROM (${pairs}) AS given),
    earlier AS (
      DELETE FROM drydock.undo_rows r USING pair p
       WHERE r.key IS NOT NULL AND drydock.undo_place(r.run, r.relation, r.key, r.what = 'deleted') = p.place
      RETURNING p.turn, r.what, r.was, r.became),
    -- Columns that were noted before a rename or a new type keep their first and their last value.
    whole AS (
      SELECT turn,
             CASE WHEN e.what = 'inserted' THEN NULL WHEN p.row_was IS NULL THEN e.was
                  ELSE p.row_was || coalesce(e.was, '{}') END AS row_was,
             CASE WHEN e.what IN ('inserted', 'updated') THEN e.became || p.row_became
                  ELSE p.row_became END AS row_became
        FROM pair p LEFT JOIN earlier e USING (turn))
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
