// The trace of the schema at the last look, kept in the environment.

import type { Database } from '../postgres/connect.ts';
import { hasTable } from './install.ts';

/** The trace at the last look; undefined where nobody has looked yet. */
export async function readTrace(database: Database): Promise<string | undefined> {
  const [row] = await database.query<{ trace: string }>('SELECT trace FROM drydock.schema_trace');
  return row?.trace;
}

/** Keeps the trace of a schema that is as it should be. */
export async function keepTrace(database: Database, trace: string): Promise<void> {
  // A database that was restored from an older backup may have no such table.
  if (!(await hasTable(database, 'schema_trace'))) return;
  await database.query(
    `INSERT INTO drydock.schema_trace (trace) VALUES ($1)
     ON CONFLICT (singleton) DO UPDATE SET trace = excluded.trace`,
    [trace],
  );
}

/** Takes the place of the trace of the look before, unless a command has kept another one meanwhile. */
export async function moveTrace(
  database: Database,
  { last, trace }: { readonly last: string | undefined; readonly trace: string },
): Promise<void> {
  if (last === trace) return;
  await (last === undefined
    ? database.query(
        'INSERT INTO drydock.schema_trace (trace) VALUES ($1) ON CONFLICT DO NOTHING',
        [trace],
      )
    : database.query('UPDATE drydock.schema_trace SET trace = $2 WHERE trace = $1', [last, trace]));
}
