// Sees the locks that each statement takes, from inside its own session: every table lock is kept to
// the end of the transaction, so the difference between before and after is exact.

import type { StatementObserver } from '../apply/report.ts';
import type { MigrationStatement } from '../migration/steps.ts';
import type { Database } from '../postgres/connect.ts';
import { type Blocked, blockedBy, type LockMode, stronger } from '../postgres/table-lock.ts';

/** A lock on a relation that existed before the migration. */
export interface ObservedLock {
  readonly relation: string;
  /** As the manual writes it, such as `ACCESS EXCLUSIVE` (13.3.1). */
  readonly mode: LockMode;
  readonly blocks: Blocked;
}

/** A lock with the time from the start of its statement to the end of the transaction. */
export interface HeldLock extends ObservedLock {
  readonly ms: number;
}

/** An observer of locks and what it saw. */
export interface LockWatch {
  readonly observer: StatementObserver;
  of(statement: MigrationStatement): readonly ObservedLock[];
  /** Every lock with how long it was held, as far as the last observed statement. */
  held(): readonly HeldLock[];
}

/** Watches the locks on the relations with these oids. */
export async function observeLocks(relations: readonly string[]): Promise<LockWatch> {
  const seen = new Map<string, readonly ObservedLock[]>();
  const spans: { lock: ObservedLock; from: number; transaction: string }[] = [];
  const ends = new Map<string, number>();
  let before: readonly string[] = [];
  let startedAt = 0;

  const current = (database: Database): Promise<Row[]> =>
    database.query<Row>(
      `SELECT c.oid::regclass::text AS relation,
              upper(regexp_replace(replace(l.mode, 'Lock', ''), '([a-z])([A-Z])', '\\1 \\2', 'g')) AS mode,
              pg_current_xact_id_if_assigned()::text AS transaction
       FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
       WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.granted
         AND l.relation = ANY ($1::oid[])`,
      [relations],
    );

  return {
    observer: {
      before: async (database) => {
        before = (await current(database)).map(keyOf);
        startedAt = performance.now();
      },
      after: async (database, statement) => {
        const now = performance.now();
        const rows = await current(database);
        const taken = strongestPerRelation(rows.filter((row) => !before.includes(keyOf(row))));
        seen.set(statementKey(statement), taken);
        const transaction = rows[0]?.transaction ?? '';
        for (const lock of taken) spans.push({ lock, from: startedAt, transaction });
        ends.set(transaction, now);
      },
    },
    of: (statement) => seen.get(statementKey(statement)) ?? [],
    held: () =>
      spans.map(({ lock, from, transaction }) => ({
        ...lock,
        ms: (ends.get(transaction) ?? from) - from,
      })),
  };
}

/** The longest-held of the locks that blocked others; null when none blocked. */
export function strongestBlocking(held: readonly HeldLock[]): HeldLock | null {
  return held
    .filter((lock) => lock.blocks !== 'nothing')
    .reduce<HeldLock | null>(
      (longest, lock) => (longest === null || lock.ms > longest.ms ? lock : longest),
      null,
    );
}

interface Row {
  readonly relation: string;
  readonly mode: LockMode;
  readonly transaction: string | null;
}

function keyOf(row: Row): string {
  return `${row.relation} ${row.mode}`;
}

function statementKey(statement: MigrationStatement): string {
  return `${statement.line} ${statement.sql}`;
}

function strongestPerRelation(rows: readonly Row[]): readonly ObservedLock[] {
  const strongest = new Map<string, LockMode>();
  for (const { relation, mode } of rows) {
    strongest.set(relation, stronger(mode, strongest.get(relation)));
  }
  return [...strongest].map(([relation, mode]) => ({ relation, mode, blocks: blockedBy(mode) }));
}
