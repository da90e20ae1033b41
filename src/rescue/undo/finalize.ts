// Gives up the way back: what was put aside is dropped for good, and the notes are forgotten.

import type { Context } from '../../core/context.ts';
import { endRun, type UndoRun } from '../../history/undo-runs.ts';
import type { Address } from '../../postgres/address.ts';
import { connect, type Database } from '../../postgres/connect.ts';
import { dropCapture } from './capture.ts';
import { followerName } from './follow-keys.ts';
import { trashSchema } from './keep.ts';
import type { InTurn } from './undo.ts';

/** Something that is kept, as it is called now, with its size. */
export interface KeptNow {
  readonly kind: 'column' | 'table';
  /** As it was called before. */
  readonly name: string;
  /** Of a table; null for a column, whose space is part of its table's. */
  readonly sizeBytes: number | null;
}

/** What is kept of a run and is still there. */
export async function readKept(database: Database, run: UndoRun): Promise<readonly KeptNow[]> {
  return database.query<KeptNow>(
    `SELECT k.kind, k.name, CASE k.kind WHEN 'table' THEN pg_total_relation_size(c.oid)::float8 END AS "sizeBytes"
       FROM jsonb_to_recordset($1::jsonb) AS k (kind text, name text, relation oid, "column" int)
       JOIN pg_class c ON c.oid = k.relation
      WHERE k.kind = 'table' AND c.relnamespace = to_regnamespace($2)
         OR k.kind = 'column' AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = k."column" AND a.attname ~ '^_trash\\d*_')`,
    [JSON.stringify(run.kept), trashSchema(run.plan)],
  );
}

/** Drops what is kept of a run, each thing in a short turn of its own, then closes the run. */
export async function finalizeRun(
  context: Context,
  options: {
    readonly address: Address;
    readonly run: UndoRun;
    readonly by: string;
    readonly reason: string | null;
    readonly inTurn: InTurn;
  },
): Promise<void> {
  const { address, run, by, reason, inTurn } = options;
  await using database = await connect(address, { purpose: 'finalize', signal: context.signal });
  await dropCapture(database, run.id);
  for (const sql of await drops(database, run)) await inTurn([sql], async () => {});
  await inTurn([`DROP SCHEMA IF EXISTS ${trashSchema(run.plan)}`], async (session) => {
    await session.query('DELETE FROM drydock.undo_rows WHERE run = $1', [run.id]);
    await endRun(session, run.id, { state: 'finalized', by, reason });
  });
}

// The tables of one run together: a partition goes with its parent.
async function drops(database: Database, run: UndoRun): Promise<readonly string[]> {
  const { sql } = await database.one<{ sql: string[] }>(
    `SELECT ARRAY(
       SELECT format('DROP TRIGGER %I ON %s', t.tgname, t.tgrelid::regclass) FROM pg_trigger t
        WHERE t.tgname = $3 AND NOT t.tgisinternal
          AND t.tgrelid IN (SELECT unnest(captured) FROM drydock.undo_runs WHERE id = $4)
          AND t.tgrelid NOT IN (SELECT unnest(captured) FROM drydock.undo_runs WHERE id <> $4 AND state IN ('kept', 'going back'))
     ) || ARRAY(
       SELECT format('ALTER TABLE %s DROP COLUMN %I', a.attrelid::regclass, a.attname)
         FROM jsonb_to_recordset($1::jsonb) AS k (kind text, relation oid, "column" int)
         JOIN pg_attribute a ON a.attrelid = k.relation AND a.attnum = k."column" AND a.attname ~ '^_trash\\d*_'
        WHERE k.kind = 'column'
     ) || ARRAY(
       SELECT format('DROP TABLE %s', string_agg(c.oid::regclass::text, ', ' ORDER BY c.oid))
         FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = to_regnamespace($2) HAVING count(*) > 0
     ) AS sql`,
    [JSON.stringify(run.kept), trashSchema(run.plan), followerName, run.id],
  );
  return sql;
}
