// How much is noted of a plan, for people.

import type { Database } from '../../postgres/connect.ts';

/** The noted rows of a table. */
export interface NoteCount {
  readonly table: string;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

/** Counts the notes of a run by table. */
export async function countNotes(database: Database, run: string): Promise<readonly NoteCount[]> {
  return database.query<NoteCount>(
    `SELECT relation::regclass::text AS table, count(*) FILTER (WHERE what = 'inserted')::int AS inserted,
            count(*) FILTER (WHERE what = 'updated')::int AS updated, count(*) FILTER (WHERE what = 'deleted')::int AS deleted
       FROM drydock.undo_rows WHERE run = $1 GROUP BY relation ORDER BY 1`,
    [run],
  );
}
