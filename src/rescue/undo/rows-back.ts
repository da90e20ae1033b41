// Puts the rows back that a plan has changed, in batches, with no lock on any table but where its own
// triggers must not fire. Each batch commits with its notes: killed at any moment, the next run goes on.

import type { Context } from '../../core/context.ts';
import { Failure } from '../../core/failure.ts';
import { markMigration } from '../../history/migration-mark.ts';
import { recordProgress, type UndoProgress, type UndoRun } from '../../history/undo-runs.ts';
import type { Database } from '../../postgres/connect.ts';
import { sqlStateOf, sqlStates } from '../../postgres/server-error.ts';
import {
  deleteMade,
  insertAgain,
  lockRows,
  type NotedTable,
  restoreColumns,
  stillThere,
} from './keyed-rows.ts';
import { deleteWhole, restoreWhole } from './keyless-rows.ts';
import { notesFollow } from './moved-parents.ts';
import { readNotedTable } from './noted-table.ts';
import { inOrderOfParents, type Queue, readReferences, withChildren } from './queues.ts';
import { plainPath, plainTexts } from './tables.ts';
import { withoutTriggers } from './without-triggers.ts';

const batchRows = 500;
const keylessBatchRows = 20_000;
const lockTimeoutMs = 300;
const patienceMs = 60_000;
const goneWithParent = 'its parent was deleted since';

interface Note extends Queue {
  readonly id: string;
}

/** How a piece of work is done: in a transaction of its own, or in a part of the one that is open. */
type Unit = (work: () => Promise<UndoProgress>) => Promise<void>;

/** Puts rows back. */
export class RowsBack {
  readonly #context: Context;
  readonly #database: Database;
  readonly #run: UndoRun;
  readonly #tables = new Map<number, NotedTable | undefined>();

  constructor(context: Context, database: Database, run: UndoRun) {
    this.#context = context;
    this.#database = database;
    this.#run = run;
  }

  /**
   * Puts back what can be put back while the schema is the new one, in transactions of their own. The
   * rest, of tables with columns that have another type or under constraints of the plan, is left.
   */
  async inBatches(say: (rows: number) => void): Promise<void> {
    const retyped = this.#run.retyped.map(({ relation }) => relation);
    // Their children need them first: one by one they would be refused, and left all the same.
    const later = withChildren(
      retyped,
      await readReferences(this.#database, await this.#queues([])),
    );
    await this.#untilNothingMoves(later, (work) => this.#alone(work), say);
  }

  /** Puts back all the rest inside the open transaction, in which the schema is the old one again. */
  async inTransaction(): Promise<void> {
    this.#tables.clear();
    await this.#database.execute(settings);
    await this.#untilNothingMoves(
      [],
      (work) => this.#within(work),
      () => {},
    );
    await this.#forgetGoneWithParents();
    await this.#database.execute('SET CONSTRAINTS ALL IMMEDIATE');
  }

  // A row may need another one first: the key that another row has taken.
  async #untilNothingMoves(
    except: readonly number[],
    unit: Unit,
    say: (rows: number) => void,
  ): Promise<void> {
    let done = 0;
    for (let before = Infinity; ; ) {
      await this.#database.query(
        'UPDATE drydock.undo_rows SET problem = NULL WHERE run = $1 AND problem IS NOT NULL',
        [this.#run.id],
      );
      for (const queue of await this.#queues(except)) {
        for (let notes = await this.#next(queue); notes.length > 0; ) {
          await this.#group(notes, unit);
          done += notes.length;
          say(done);
          notes = await this.#next(queue);
        }
      }
      const { left } = await this.#database.one<{ left: number }>(
        'SELECT count(*)::int AS left FROM drydock.undo_rows WHERE run = $1 AND problem IS NOT NULL',
        [this.#run.id],
      );
      if (left === 0 || left >= before) return;
      before = left;
    }
  }

  async #queues(except: readonly number[]): Promise<readonly Queue[]> {
    const queues = await this.#database.query<Queue>(
      `SELECT DISTINCT relation::int8::float8 AS relation, what, key IS NOT NULL AS "isKeyed"
         FROM drydock.undo_rows WHERE run = $1 AND relation <> ALL ($2::int8[]::oid[])`,
      [this.#run.id, except],
    );
    const references = await readReferences(this.#database, queues);
    return inOrderOfParents(queues, references);
  }

  // The last change first.
  async #next({ relation, what, isKeyed }: Queue): Promise<readonly Note[]> {
    return this.#database.query<Note>(
      `SELECT id::text, relation::int8::float8 AS relation, what, key IS NOT NULL AS "isKeyed" FROM drydock.undo_rows
        WHERE run = $1 AND relation = $2::int8::oid AND what = $3 AND (key IS NOT NULL) = $4 AND problem IS NULL
        ORDER BY id DESC LIMIT $5`,
      [this.#run.id, relation, what, isKeyed, isKeyed ? batchRows : keylessBatchRows],
    );
  }

  async #group(notes: readonly Note[], unit: Unit): Promise<void> {
    try {
      await unit(() => this.#putBack(notes));
    } catch (failure) {
      if (!isAboutRows(failure)) throw failure;
      if (notes.length > 1) {
        const half = Math.ceil(notes.length / 2);
        await this.#group(notes.slice(0, half), unit);
        await this.#group(notes.slice(half), unit);
        return;
      }
      await this.#leave(notes, unit, failure);
    }
  }

  async #leave(notes: readonly Note[], unit: Unit, failure: unknown): Promise<void> {
    const ids = notes.map(({ id }) => id);
    // A row that the plan gave to another parent is there, with its new one.
    const isGone =
      notes.every(({ what }) => what === 'deleted') && (await this.#isGoneWithParent(failure));
    const said = failure instanceof Error ? failure.message : String(failure);
    await unit(async () => {
      await this.#left(
        ids.map((id) => ({ id })),
        isGone ? goneWithParent : said,
      );
      return {};
    });
  }

  async #putBack(notes: readonly Note[]): Promise<UndoProgress> {
    const [first] = notes;
    if (first === undefined) return {};
    const noted = await this.#table(first.relation);
    const ids = notes.map(({ id }) => id);
    if (noted === undefined) return this.#forget(ids, { overwritten: ids.length });
    const { relation } = first;
    if (first.what !== 'inserted')
      await notesFollow(this.#database, this.#run.id, { relation, ids });
    return withoutTriggers(this.#database, relation, () =>
      first.isKeyed ? this.#keyed(noted, first.what, ids) : this.#keyless(noted, first.what, ids),
    );
  }

  async #keyed(
    noted: NotedTable,
    what: Queue['what'],
    ids: readonly string[],
  ): Promise<UndoProgress> {
    switch (what) {
      case 'updated': {
        const numbers = await this.#changedColumns(ids);
        const restored = await this.#database.query(restoreColumns(noted, numbers), [ids]);
        const overwritten = ids.length - restored.length;
        return this.#forget(ids, { restored: restored.length, overwritten });
      }
      case 'deleted': {
        const { rowCount } = await this.#database.execute(insertAgain(noted), [ids]);
        if (rowCount !== ids.length) throw new Left('a row with its key is there again');
        return this.#forget(ids, { inserted: ids.length });
      }
      case 'inserted': {
        await this.#database.query(lockRows(noted), [ids]);
        const deleted = await this.#database.query(deleteMade(noted), [ids]);
        const there = await this.#database.query<{ id: string }>(stillThere(noted), [ids]);
        await this.#left(there, 'the migration made it, and it was written or referred to since');
        const left = new Set(there.map(({ id }) => id));
        return this.#forget(
          ids.filter((id) => !left.has(id)),
          { deleted: deleted.length, overwritten: ids.length - deleted.length - left.size },
        );
      }
    }
  }

  async #keyless(
    noted: NotedTable,
    what: Queue['what'],
    ids: readonly string[],
  ): Promise<UndoProgress> {
    if (what === 'deleted') {
      const { rowCount } = await this.#database.execute(insertAgain(noted), [ids]);
      if (rowCount !== ids.length) throw new Left('a row like it is there again');
      return this.#forget(ids, { inserted: ids.length });
    }
    const sql = what === 'updated' ? restoreWhole(noted) : deleteWhole(noted);
    const found = await this.#database.query<{ id: string }>(sql, [ids]);
    const done = new Set(found.map(({ id }) => id));
    const missing = ids.filter((id) => !done.has(id)).map((id) => ({ id }));
    await this.#left(missing, 'the table has no key, and no row is as the migration left it');
    return this.#forget([...done], { [what === 'updated' ? 'restored' : 'deleted']: done.size });
  }

  async #left(notes: readonly { readonly id: string }[], problem: string): Promise<void> {
    if (notes.length === 0) return;
    await this.#database.query('UPDATE drydock.undo_rows SET problem = $2 WHERE id = ANY ($1)', [
      notes.map(({ id }) => id),
      problem,
    ]);
  }

  async #forget(ids: readonly string[], progress: UndoProgress): Promise<UndoProgress> {
    await this.#database.query('DELETE FROM drydock.undo_rows WHERE id = ANY ($1)', [ids]);
    return progress;
  }

  async #changedColumns(ids: readonly string[]): Promise<readonly number[]> {
    const rows = await this.#database.query<{ number: number }>(
      'SELECT DISTINCT k::int AS number FROM drydock.undo_rows, jsonb_object_keys(became) k WHERE id = ANY ($1)',
      [ids],
    );
    return rows.map(({ number }) => number);
  }

  // No parent has come back either: others have deleted it.
  async #forgetGoneWithParents(): Promise<void> {
    const gone = await this.#database.query<{ id: string }>(
      'DELETE FROM drydock.undo_rows WHERE run = $1 AND problem = $2 RETURNING id::text',
      [this.#run.id, goneWithParent],
    );
    await recordProgress(this.#database, this.#run.id, { overwritten: gone.length });
  }

  // The old schema would have deleted it with its parent too.
  async #isGoneWithParent(failure: unknown): Promise<boolean> {
    if (sqlStateOf(failure) !== '23503' || !(failure instanceof Failure)) return false;
    const { schema, table, constraint } = failure.details;
    const rows = await this.#database.query(
      `SELECT FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relname = $2 AND k.conname = $3 AND k.confdeltype = 'c'`,
      [schema, table, constraint],
    );
    return rows.length > 0;
  }

  async #table(relation: number): Promise<NotedTable | undefined> {
    if (!this.#tables.has(relation)) {
      this.#tables.set(relation, await readNotedTable(this.#database, relation, this.#run.retyped));
    }
    return this.#tables.get(relation);
  }

  async #alone(work: () => Promise<UndoProgress>): Promise<void> {
    const giveUpAt = performance.now() + patienceMs;
    for (;;) {
      try {
        await this.#database.transaction(async () => {
          await this.#database.execute(`${markMigration}; ${settings}`);
          const progress = await work();
          await recordProgress(this.#database, this.#run.id, progress);
          await this.#database.execute('SET CONSTRAINTS ALL IMMEDIATE');
        });
        return;
      } catch (failure) {
        if (!isWorthRetrying(failure) || performance.now() > giveUpAt) throw failure;
        await this.#context.clock.sleep(20 + 60 * Math.random(), this.#context.signal);
      }
    }
  }

  async #within(work: () => Promise<UndoProgress>): Promise<void> {
    await this.#database.execute('SAVEPOINT drydock_rows');
    try {
      const progress = await work();
      await recordProgress(this.#database, this.#run.id, progress);
      await this.#database.execute('RELEASE SAVEPOINT drydock_rows');
    } catch (failure) {
      if (isAboutRows(failure)) await this.#database.execute('ROLLBACK TO SAVEPOINT drydock_rows');
      throw failure;
    }
  }
}

const settings = [plainPath, ...plainTexts, `lock_timeout = ${lockTimeoutMs}`]
  .map((each) => `SET LOCAL ${each}`)
  .join('; ');

class Left extends Error {}

// Class 22: a value that does not fit; class 23: a constraint. (Manual, appendix A)
function isAboutRows(failure: unknown): boolean {
  return failure instanceof Left || /^2[23]/.test(sqlStateOf(failure) ?? '');
}

function isWorthRetrying(failure: unknown): boolean {
  const state = sqlStateOf(failure);
  return state === sqlStates.lockNotAvailable || state === sqlStates.deadlockDetected;
}
