// Plays the stream of the broken database into the restored one: every transaction but the migration's,
// each once, also when the program is killed in between.

import { messageOf } from '../core/failure.ts';
import { migrationMark } from '../history/migration-mark.ts';
import type { Database } from '../postgres/connect.ts';
import type { RowChange, StreamTransaction } from '../postgres/pgoutput.ts';
import { pinnedSettingsSql } from '../postgres/replication.ts';
import { readFinders } from './finders.ts';
import { type CatalogImage, imageOf, type MappedTable, mapTable } from './image.ts';
import { playAlone } from './player.ts';
import {
  followKey,
  makeReplayTables,
  type ProgressRow,
  progressOf,
  type Round,
  readProgress,
  writeImage,
  writeProgress,
  writeRound,
  writeSalvage,
  writeTouched,
  writeUnforeseen,
} from './replay-tables.ts';
import { keyText, named, replayStatement } from './statement.ts';

// Sent in one message and committed together: more would be longer to play again one by one when a
// single change of them does not fit.
const batchSize = 1_000;

/** Replays transactions in the order in which they come. */
export class Replay {
  readonly #target: Database;
  readonly #before: CatalogImage;
  readonly #finders: ReadonlyMap<string, string>;
  #now: CatalogImage;
  #progress = 0n;
  #round: Round | null = null;
  #waiting: Planned[] = [];
  #waitingTo: bigint | undefined;
  /** Number of changes that were played. */
  played = 0;

  private constructor(
    target: Database,
    before: CatalogImage,
    finders: ReadonlyMap<string, string>,
  ) {
    this.#target = target;
    this.#before = before;
    this.#finders = finders;
    this.#now = before;
  }

  /**
   * Takes up where the restored database says it was left.
   *
   * @param target a session of its own on the restored database, whose user triggers are off
   */
  static async begin(target: Database, before: CatalogImage): Promise<Replay> {
    await playAlone(target);
    await target.execute(`SET client_min_messages = error; ${makeReplayTables}`);
    await target.execute(`${pinnedSettingsSql}; SET lock_timeout = 0; SET statement_timeout = 0`);
    const replay = new Replay(target, before, await readFinders(target));
    const { lsn, round, image } = progressOf(await target.one<ProgressRow>(readProgress));
    replay.#progress = lsn;
    replay.#round = round;
    if (image !== null) replay.#now = image;
    return replay;
  }

  /** Everything up to here is committed in the restored database: of a log of triggers, within the round. */
  get progress(): bigint {
    return this.#progress;
  }

  /** What is played of a log of triggers; null before the first round. */
  get round(): Round | null {
    return this.#round;
  }

  /** The tables as they are at this place of the stream. */
  get now(): CatalogImage {
    return this.#now;
  }

  /** Plays one transaction, or a part of one; what was played before is left out. */
  async play(transaction: StreamTransaction): Promise<void> {
    const { endLsn } = transaction;
    if (endLsn !== null && endLsn <= this.#progress) return;
    const isMigration = transaction.messages.some(({ prefix }) => prefix === migrationMark);
    this.#waiting.push(isMigration ? this.#noted(transaction) : this.#planned(transaction));
    if (endLsn !== null) this.#waitingTo = endLsn;
    const size = this.#waiting.reduce((sum, { changes }) => sum + changes.length, 0);
    if (size >= batchSize || isMigration) await this.flush();
  }

  /** Commits what was played, and begins a round of a log of triggers. */
  async beginRound(round: Round): Promise<void> {
    await this.flush();
    await this.#commit([writeRound(round)]);
    this.#progress = 0n;
    this.#round = round;
  }

  /** Commits what was played. */
  async flush(): Promise<void> {
    const plans = this.#waiting;
    const to = this.#waitingTo;
    if (plans.length === 0) return;
    this.#waiting = [];
    this.#waitingTo = undefined;
    const progress = to === undefined ? [] : [writeProgress(to)];
    try {
      await this.#commit([...plans.flatMap(statementsOf), ...progress]);
    } catch {
      // One of the changes does not fit: each transaction on its own, and of that one each change.
      for (const plan of plans) await this.#alone(plan);
      await this.#commit(progress);
    }
    if (to !== undefined) this.#progress = to;
    this.played += plans.reduce((sum, { changes }) => sum + changes.length, 0);
  }

  async #alone(plan: Planned): Promise<void> {
    const progress = plan.endLsn === null ? [] : [writeProgress(plan.endLsn)];
    try {
      await this.#commit([...statementsOf(plan), ...progress]);
    } catch {
      await this.#target.transaction(
        async () => {
          for (const change of plan.changes) await this.#try(change);
        },
        { commit: () => [...plan.notes, ...progress, 'COMMIT'] },
      );
    }
  }

  async #commit(statements: readonly string[]): Promise<void> {
    if (statements.length === 0) return;
    // Constraints that the application defers are deferred here too.
    const begin = ['BEGIN', 'SET CONSTRAINTS ALL DEFERRED', ...statements, 'COMMIT'];
    try {
      await this.#target.script(begin);
    } catch (failure) {
      await this.#target.execute('ROLLBACK');
      throw failure;
    }
  }

  async #try({ sql, notes, salvage }: PlannedChange): Promise<void> {
    const target = this.#target;
    if (sql !== null) {
      try {
        await target.script(['SAVEPOINT change', sql, 'RELEASE SAVEPOINT change']);
      } catch (failure) {
        await target.execute('ROLLBACK TO SAVEPOINT change');
        for (const statement of salvage(messageOf(failure))) await target.execute(statement);
      }
    }
    for (const note of notes) await target.execute(note);
  }

  // What the migration did is not played: which rows it touched, and how it left the tables.
  #noted(transaction: StreamTransaction): Planned {
    const notes: string[] = [];
    const keys = new Map<number, Set<string>>();
    for (const change of transaction.changes) {
      if (change.kind === 'truncate') continue;
      const { schema, name } = change.table;
      if (schema === 'drydock') {
        if (name === 'rescue_marks' && change.kind === 'insert') {
          const told = change.row[1] ?? '[]';
          this.#now = imageOf(told);
          notes.push(writeImage(told), ...this.#reshaped().map(writeUnforeseen));
        }
        continue;
      }
      // Its rows come before the new shape; a table that it renames before is known by its number.
      const was = this.#before.get(change.table.oid);
      if (was === undefined) continue;
      if (!was.whole) notes.push(writeUnforeseen(named(was)));
      const table = byOldNames(change.table, was, this.#now);
      const found = keys.get(was.oid) ?? new Set();
      keys.set(was.oid, found);
      for (const key of keysOf(change, table)) found.add(key);
    }
    for (const [relation, found] of keys) {
      if (found.size > 0) notes.push(writeTouched(relation, [...found]));
    }
    return { endLsn: transaction.endLsn, changes: [], notes };
  }

  // A table of another shape whose old rows the stream does not bring whole.
  #reshaped(): readonly string[] {
    return [...this.#before.values()]
      .filter(({ whole, oid, columns }) => {
        const is = this.#now.get(oid);
        return !whole && is !== undefined && shapeOf(is.columns) !== shapeOf(columns);
      })
      .map(named);
  }

  #planned(transaction: StreamTransaction): Planned {
    const changes = transaction.changes.flatMap((change): PlannedChange[] => {
      if (change.kind === 'truncate') return this.#truncate(change);
      if (change.table.schema === 'drydock') return [];
      const table = mapTable(change.table, { before: this.#before, now: this.#now });
      const { xid } = transaction;
      if (table === undefined) {
        const reason = 'the old schema has no such table';
        return [{ sql: null, notes: [writeSalvage({ xid, change, reason })], salvage: () => [] }];
      }
      const { oid } = table.was;
      const finder = this.#finders.get(named(table.was));
      const { sql, beyond, key, newKey } = replayStatement(change, table, finder);
      const followed = key !== null && newKey !== null ? [followKey(oid, key, newKey)] : [];
      const reason = `the old schema has no column ${beyond.join(', ')}`;
      return [
        {
          sql,
          notes: [
            ...followed,
            ...(beyond.length === 0 ? [] : [writeSalvage({ xid, change, reason })]),
          ],
          salvage: (why) => [
            writeSalvage({ xid, change, reason: why }),
            ...[key, newKey].flatMap((each) => (each === null ? [] : [writeTouched(oid, [each])])),
          ],
        },
      ];
    });
    return { endLsn: transaction.endLsn, changes, notes: [] };
  }

  #truncate({ tables }: Extract<RowChange, { kind: 'truncate' }>): PlannedChange[] {
    const names = tables.flatMap(({ oid }) => {
      const was = this.#before.get(oid);
      return was === undefined ? [] : [named(was)];
    });
    if (names.length === 0) return [];
    return [{ sql: `TRUNCATE ${names.join(', ')}`, notes: [], salvage: () => [] }];
  }
}

interface Planned {
  readonly endLsn: bigint | null;
  readonly changes: readonly PlannedChange[];
  readonly notes: readonly string[];
}

interface PlannedChange {
  readonly sql: string | null;
  /** What is written down beside it. */
  readonly notes: readonly string[];
  /** What is written down when it does not fit. */
  readonly salvage: (reason: string) => readonly string[];
}

function statementsOf({ changes, notes }: Planned): readonly string[] {
  return [
    ...changes.flatMap(({ sql, notes: own }) => (sql === null ? own : [sql, ...own])),
    ...notes,
  ];
}

function shapeOf(columns: readonly { readonly number: number; readonly type: string }[]): string {
  return columns.map(({ number, type }) => `${number} ${type}`).join();
}

// Within the migration's own transaction a column may have its old name or its new one.
function byOldNames(
  streamed: { readonly oid: number; readonly columns: readonly { readonly name: string }[] },
  was: MappedTable['was'],
  now: CatalogImage,
): MappedTable {
  const columns = streamed.columns.map(({ name }) =>
    was.columns.find((column) => column.name === name),
  );
  if (columns.some((column) => column !== undefined && was.key.includes(column.name))) {
    return { was, columns, now: columns };
  }
  return (
    mapTable(streamed, { before: new Map([[was.oid, was]]), now }) ?? { was, columns, now: [] }
  );
}

function keysOf(
  change: Exclude<RowChange, { readonly kind: 'truncate' }>,
  table: MappedTable,
): readonly string[] {
  const rows = [
    'old' in change && change.old !== null ? change.old : undefined,
    'row' in change ? change.row : undefined,
  ];
  return rows.flatMap((row) => {
    const key = row === undefined ? null : keyText(table, row);
    return key === null ? [] : [key];
  });
}
