// What marks an armed database: triggers on Drydock's own records, and all that makes its writes known.

import { type RescueRun, rescuePublication } from '../history/rescue-runs.ts';
import type { Database } from '../postgres/connect.ts';
import { unwatch } from './watch.ts';

const marked = ['ledger', 'steps', 'batches', 'undo_runs'];

/** Marks what Drydock does. */
export const mark: readonly string[] = marked.map(
  (table) =>
    `CREATE TRIGGER rescue_mark AFTER INSERT OR UPDATE OR DELETE ON drydock.${table} FOR EACH STATEMENT EXECUTE FUNCTION drydock.rescue_mark()`,
);

/**
 * Statements that take all of it away, where it is there; each in a turn of its own.
 *
 * @param by how tables are found: by their number where they were armed, by their name in a copy
 */
export async function takeMarks(
  database: Database,
  { identities }: Pick<RescueRun, 'identities'>,
  by: 'number' | 'name',
): Promise<readonly string[]> {
  const statements: string[] = [];
  const publications = await database.query(`SELECT FROM pg_publication WHERE pubname = $1`, [
    rescuePublication,
  ]);
  if (publications.length > 0) statements.push(`DROP PUBLICATION ${rescuePublication}`);
  const triggers = await database.query<{ table: string }>(
    `SELECT tgrelid::regclass::text AS table FROM pg_trigger WHERE tgname = 'rescue_mark' AND tgrelid::regclass::text ~ '^drydock[.]'`,
  );
  for (const { table } of triggers) statements.push(`DROP TRIGGER rescue_mark ON ${table}`);
  statements.push(...(await unwatch(database)));
  for (const { relation, table, identity } of identities) {
    const [found] = await database.query<{ name: string }>(
      `SELECT format('%I.%I', n.nspname, c.relname) AS name
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relreplident = 'f' AND c.oid = ${by === 'number' ? '$1::oid' : 'to_regclass($1)'}`,
      [by === 'number' ? relation : table],
    );
    if (found !== undefined) {
      statements.push(`ALTER TABLE ${found.name} REPLICA IDENTITY ${identity}`);
    }
  }
  return statements;
}
