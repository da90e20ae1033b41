// Takes a plan back in place: first the rows, in batches beside everybody else's work, then the schema, in
// one short transaction that takes all its locks at once.

import type { Context } from '../../core/context.ts';
import { endRun, forgetMigrations, type UndoRun } from '../../history/undo-runs.ts';
import type { Address } from '../../postgres/address.ts';
import { connect, type Database } from '../../postgres/connect.ts';
import { dropFunctions } from './capture.ts';
import { type Alone, indexesBack } from './indexes-back.ts';
import { bringRuleBack } from './old-rules.ts';
import { RowsBack } from './rows-back.ts';
import { orderedWayBack, tablesTouched } from './schema-order.ts';

/**
 * Runs the statements and then `last` in one transaction, with an apply's care for locks: short waits,
 * and the whole again.
 */
export type InTurn = (
  statements: readonly string[],
  last: (database: Database) => Promise<void>,
) => Promise<void>;

/** What is taken back. */
export interface UndoOptions {
  readonly address: Address;
  readonly run: UndoRun;
  /** The way back of the schema, as it was proven. */
  readonly wayBack: readonly string[];
  readonly by: string;
  readonly reason: string | null;
  readonly inTurn: InTurn;
  readonly alone: Alone;
  /** How many rows are done. */
  readonly say?: (rows: number) => void;
}

/** Puts the rows back that can be put back while the schema is the new one. May be called again. */
export async function rowsBack(
  context: Context,
  { address, run, say = () => {} }: Pick<UndoOptions, 'address' | 'run' | 'say'>,
): Promise<void> {
  await using database = await connect(address, { purpose: 'undo', signal: context.signal });
  await new RowsBack(context, database, run).inBatches(say);
}

/** Takes the schema back, with all rows that are left, and the migrations out of the ledger. */
export async function schemaBack(
  context: Context,
  { address, run, wayBack, by, reason, inTurn, alone }: UndoOptions,
): Promise<void> {
  const indexes = await indexesBack(context, { address, wayBack, alone });
  const left = wayBack.filter((sql) => !indexes.built.has(sql));
  const { first, last } = orderedWayBack(left);
  const touched = await tablesTouched(left);
  await using database = await connect(address, { purpose: 'undo', signal: context.signal });
  const locks = await lockStatements(database, run.id, touched);
  await inTurn([...locks, manner, ...indexes.first, ...first], async (session) => {
    await new RowsBack(context, session, run).inTransaction();
    await session.execute(manner);
    for (const sql of last) await bringRuleBack(session, run.id, sql);
    await dropFunctions(session, run.id);
    await forgetMigrations(session, run.versions);
    await endRun(session, run.id, { state: 'undone', by, reason });
  });
}

/** The whole: rows, then schema. */
export async function undo(context: Context, options: UndoOptions): Promise<void> {
  await rowsBack(context, options);
  await schemaBack(context, options);
}

// Names are printed and read with their schemas, as the rehearsal did it.
const manner = `SET LOCAL search_path = ''; SET LOCAL check_function_bodies = off`;

// In one order for everybody, and before anything is changed: a deadlock half-way would cost the whole.
async function lockStatements(
  database: Database,
  run: string,
  touched: readonly string[],
): Promise<readonly string[]> {
  const rows = await database.query<{ name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p')
        AND (c.oid IN (SELECT to_regclass(t) FROM unnest($1::text[]) t)
             OR c.oid IN (SELECT relation FROM drydock.undo_rows WHERE run = $2))
      ORDER BY c.oid`,
    [touched, run],
  );
  if (rows.length === 0) return [];
  return [`LOCK TABLE ${rows.map(({ name }) => name).join(', ')} IN ACCESS EXCLUSIVE MODE`];
}
