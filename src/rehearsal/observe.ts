// Watches each statement of a plan from inside the session that runs it, and those that cannot be in a
// transaction from a second one.

import type { StatementObserver } from '../apply/report.ts';
import type { MigrationStatement } from '../migration/steps.ts';
import type { Address } from '../postgres/address.ts';
import { connect, type Database, type Notice } from '../postgres/connect.ts';
import type { LockMode } from '../postgres/table-lock.ts';
import { inOrder } from './fact-order.ts';
import { isSuperuser, watchDrops } from './observe-drops.ts';
import { factsTold, type ToldFacts } from './observe-notices.ts';
import { type OutsideWatch, watchFromOutside } from './observe-outside.ts';
import {
  enterStatement,
  type Reading,
  readAfterStatement,
  readAtBegin,
} from './observe-relations.ts';
import { indexesOn, type KnownRelation, readRelations } from './observe-schema.ts';
import { type Comparison, factsInside, factsOutside, type ObservedFacts } from './observe-work.ts';

/** Names the table locks that a statement takes, for those that are too brief to be seen. */
export type LockReader = (
  sql: string,
  copy: Address,
) => Promise<readonly { readonly relation: string; readonly mode: LockMode }[]>;

/** Where a plan is watched. */
export interface ObserveOptions {
  readonly copy: Address;
  readonly locksOf: LockReader;
}

/** An observer of statements, and what it saw. */
export interface StatementWatch extends AsyncDisposable {
  readonly observer: StatementObserver;
  /** In the order in which the statements ran; a transaction that was tried again counts once. */
  facts(): readonly ObservedFacts[];
  readonly serverVersion: number;
}

/** Begins to watch a copy. Disposing of the watch takes everything away that it put there. */
export async function watchStatements(options: ObserveOptions): Promise<StatementWatch> {
  const outside = await connect(options.copy, { purpose: 'rehearsal' });
  try {
    const known = await readRelations(outside);
    const removeTrigger = await watchDrops(options.copy);
    const watch = new Watch(options, outside, known);
    return {
      observer: watch,
      facts: () => [...watch.facts.values()],
      serverVersion: outside.version,
      [Symbol.asyncDispose]: async () => {
        await outside.close();
        await removeTrigger();
      },
    };
  } catch (failure) {
    await outside.close();
    throw failure;
  }
}

interface Session {
  readonly notices: Notice[];
  /** The newest reading of its transaction: what the next statement is compared with. */
  last: Reading | undefined;
}

class Watch implements StatementObserver {
  readonly facts = new Map<MigrationStatement, ObservedFacts>();
  readonly #options: ObserveOptions;
  readonly #outside: Database;
  readonly #known: ReadonlyMap<string, KnownRelation>;
  readonly #seen: Map<string, KnownRelation>;
  readonly #sessions = new WeakMap<Database, Session>();
  readonly #transactions: string[] = [];
  #running: { readonly watch: OutsideWatch; readonly walBytes: number } | undefined;

  constructor(
    options: ObserveOptions,
    outside: Database,
    known: ReadonlyMap<string, KnownRelation>,
  ) {
    this.#options = options;
    this.#outside = outside;
    this.#known = known;
    this.#seen = new Map(known);
  }

  async before(database: Database, statement: MigrationStatement): Promise<void> {
    const session = this.#sessions.get(database) ?? (await this.#enter(database));
    const transaction = await enterStatement(database);
    if (!database.isInTransaction) {
      const { locksOf, copy } = this.#options;
      const claimed = await locksOf(statement.sql, copy);
      const walBytes = await walPosition(this.#outside);
      const { pid } = database;
      const watch = watchFromOutside(this.#outside, { pid, known: this.#known, claimed });
      this.#running = { watch, walBytes };
    } else if (session.last?.transaction !== transaction) {
      session.last = await readAtBegin(database, session.last);
    }
    session.notices.length = 0;
  }

  async after(database: Database, statement: MigrationStatement): Promise<void> {
    const session = this.#sessions.get(database);
    if (session === undefined) return;
    const told = factsTold(session.notices);
    const facts =
      this.#running === undefined
        ? await this.#lookInside(database, session, told)
        : await this.#lookBack(this.#running, told);
    this.#running = undefined;
    // A transaction that is tried again runs the same statements once more: the last time counts.
    this.facts.delete(statement);
    this.facts.set(statement, inOrder(facts));
  }

  async #enter(database: Database): Promise<Session> {
    const session: Session = { notices: [], last: undefined };
    this.#sessions.set(database, session);
    database.onNotice((notice) => session.notices.push(notice));
    // Sizes of temporary files are told to superusers alone (manual, 20.8.3).
    if (await isSuperuser(database)) {
      await database.query("SELECT set_config('log_temp_files', '0', false)");
    }
    return session;
  }

  async #lookInside(database: Database, session: Session, told: ToldFacts): Promise<ObservedFacts> {
    const before = session.last ?? nothingRead;
    const after = await readAfterStatement(database, before);
    session.last = after;
    if (!this.#transactions.includes(after.transaction)) this.#transactions.push(after.transaction);
    const transaction = this.#transactions.indexOf(after.transaction) + 1;
    const made = await this.#filesMade(database, after);
    const facts = factsInside({ before, after, made, told, transaction, ...this.#relations() });
    this.#follow(made);
    return facts;
  }

  async #lookBack(
    { watch, walBytes }: { watch: OutsideWatch; walBytes: number },
    told: ToldFacts,
  ): Promise<ObservedFacts> {
    const { locks, touched } = await watch.end();
    // Whether the lock on an index was met is chance; that its table was touched is not.
    const indexes = await indexesOn(this.#outside, touched);
    const read = await readRelations(this.#outside, [...new Set([...touched, ...indexes])]);
    const relations = [...read.values()];
    const facts = factsOutside({
      locks,
      relations,
      told,
      ...this.#relations(),
      walBytes: (await walPosition(this.#outside)) - walBytes,
    });
    this.#follow(relations);
    return facts;
  }

  // To ask for sizes takes the server longest, so only those of new files are asked for.
  async #filesMade(database: Database, { relations }: Reading): Promise<readonly KnownRelation[]> {
    const made = [...relations.values()].filter(
      ({ oid, now }) => now?.node !== undefined && now.node !== this.#seen.get(oid)?.node,
    );
    if (made.length === 0) return [];
    return [
      ...(
        await readRelations(
          database,
          made.map(({ oid }) => oid),
        )
      ).values(),
    ];
  }

  #relations(): Pick<Comparison, 'known' | 'seen'> {
    return { known: this.#known, seen: this.#seen };
  }

  #follow(relations: readonly KnownRelation[]): void {
    for (const relation of relations) this.#seen.set(relation.oid, relation);
  }
}

const nothingRead: Reading = { transaction: '', walBytes: 0, relations: new Map() };

async function walPosition(database: Database): Promise<number> {
  const { wal } = await database.one<{ wal: string }>(
    "SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::text AS wal",
  );
  return Number(wal);
}
