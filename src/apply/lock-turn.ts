// Waits for a moment in which queueing for a lock is worth it, looking from the second session.

import { Failure } from '../core/failure.ts';
import type { Database } from '../postgres/connect.ts';
import { sqlStateOf } from '../postgres/server-error.ts';
import type { LockMode } from '../postgres/table-lock.ts';
import type { Seen } from './guard.ts';
import {
  describeHolder,
  type Holder,
  holdersOf,
  howToEnd,
  namesOf,
  stillOpen,
  type WantedLock,
} from './lock-holders.ts';
import { nextMove, pauseAfterCrowdMs, pauseMs } from './lock-wait.ts';
import type { StepRun } from './step-run.ts';

const mostTries = 100;
const mostCrowds = 5;

/** How the next try begins. */
export interface Turn {
  /** Tables that it locks first so that nobody is stalled. */
  readonly sideways: readonly string[];
  /** Tables that it locks before its first statement as a later one wants them. */
  readonly upFront: readonly { readonly table: string; readonly mode: LockMode }[];
}

const plainTurn: Turn = { sideways: [], upFront: [] };

/** The turns of one transaction: what earlier tries have taught about who is in the way. */
export class LockTurns {
  readonly #run: StepRun;
  readonly #wanted = new Map<string, WantedLock>();
  readonly #firstSeen = new Map<string, number>();
  #outlasting: readonly string[] = [];
  #blockers: readonly Holder[] = [];
  #deadline: number | undefined;
  #pauseMs = 0;
  #crowds = 0;
  #lastCrowd = 0;
  #isMutual = false;
  #lastFailure: unknown;
  failedTries = 0;

  constructor(run: StepRun) {
    this.#run = run;
  }

  /** Takes in what was seen while a try got nothing. */
  failed(seen: Seen, failure: unknown): void {
    this.failedTries += 1;
    this.#lastFailure = failure;
    this.#deadline ??= performance.now() + this.#run.policy.lockPatienceMs;
    for (const [key, wanted] of seen.wanted) this.#wanted.set(key, wanted);
    if (seen.blockers.length > 0) this.#blockers = seen.blockers;
    this.#outlasting = seen.blockers.map(({ transaction }) => transaction);
    this.#isMutual ||= seen.isMutual;
    this.#pauseMs = pauseMs();
    if (seen.crowd === 0) return;
    this.#crowds += 1;
    this.#lastCrowd = seen.crowd;
    this.#pauseMs = pauseAfterCrowdMs(this.#crowds);
  }

  /**
   * Resolves when the next try is worth it.
   *
   * @throws `apply/lock-not-obtained` or `apply/too-many-waiting` when the patience is used up
   */
  async next(): Promise<Turn> {
    if (this.failedTries === 0) return plainTurn;
    const { context, guard } = this.#run;
    if (this.#crowds >= mostCrowds) throw await this.#givenUp();
    for (;;) {
      await context.clock.sleep(this.#pauseMs, context.signal);
      this.#pauseMs = pauseMs();
      const wanted = [...this.#wanted.values()];
      const holders = await holdersOf(guard.database, wanted, this.#run.database.pid);
      this.#outlasting = await stillOpen(guard.database, this.#outlasting);
      this.#remember(holders);
      const move = nextMove({
        holders,
        outlasting: this.#outlasting,
        seenForMs: (transaction) =>
          performance.now() - (this.#firstSeen.get(transaction) ?? performance.now()),
      });
      const isOver = performance.now() > (this.#deadline ?? 0) || this.failedTries >= mostTries;
      if (isOver) throw await this.#givenUp();
      if (move !== 'look') return await this.#turn(move, wanted);
      await this.#endIdle(holders);
      const [oldest] = this.#blockers;
      if (oldest !== undefined) this.#run.say(`waits for ${describeHolder(oldest)}`);
    }
  }

  async #turn(move: 'plain' | 'sideways', wanted: readonly WantedLock[]): Promise<Turn> {
    if (move === 'plain' && !this.#isMutual) return plainTurn;
    const tables = await tablesOf(this.#run.guard.database, wanted);
    return {
      sideways: move === 'sideways' ? [...new Set(tables.map(({ table }) => table))] : [],
      upFront: this.#isMutual ? tables : [],
    };
  }

  #remember(holders: readonly Holder[]): void {
    const now = performance.now();
    for (const { transaction } of holders) {
      if (!this.#firstSeen.has(transaction)) this.#firstSeen.set(transaction, now);
    }
    // The newest word about those that were in the way.
    const waitedFor = holders.filter(({ transaction }) => this.#outlasting.includes(transaction));
    if (waitedFor.length > 0) this.#blockers = waitedFor;
    else if (holders.length > 0) this.#blockers = holders;
  }

  async #endIdle(holders: readonly Holder[]): Promise<void> {
    const limit = this.#run.policy.endIdleAfterMs;
    if (limit === undefined) return;
    for (const holder of holders) {
      if (holder.pid === 0 || holder.idleMs === null || holder.idleMs < limit) continue;
      const ended = await this.#run.guard.endSession(holder.pid);
      this.#run.context.emit({
        kind: 'note',
        text: `${ended ? 'ended' : 'may not end'} ${describeHolder(holder)}: it was in the way`,
      });
    }
  }

  async #givenUp(): Promise<Failure> {
    const relations = await namesOf(this.#run.guard.database, [...this.#wanted.values()]).catch(
      () => [],
    );
    const facts = {
      tries: this.failedTries,
      relations,
      holders: this.#blockers,
      cause: this.#lastFailure,
    };
    return this.#crowds > 0
      ? tooManyWaiting(facts, { crowd: this.#lastCrowd, times: this.#crowds })
      : lockNotObtained(facts);
  }
}

// LOCK TABLE takes tables only.
async function tablesOf(
  database: Database,
  wanted: readonly WantedLock[],
): Promise<Turn['upFront']> {
  return await database.query<Turn['upFront'][number]>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS table, w.mode
       FROM unnest($1::oid[], $2::text[]) AS w (relation, mode)
       JOIN pg_class c ON c.oid = w.relation AND c.relkind IN ('r', 'p')
       JOIN pg_namespace n ON n.oid = c.relnamespace`,
    [wanted.map(({ relation }) => relation), wanted.map(({ mode }) => mode)],
  );
}

interface Facts {
  readonly tries: number;
  readonly relations: readonly string[];
  readonly holders: readonly Holder[];
  readonly cause: unknown;
}

function lockNotObtained({ tries, relations, holders, cause }: Facts): Failure {
  const what =
    relations.length === 0 ? 'the lock' : `the lock on ${relations.slice(0, 3).join(', ')}`;
  const who = holders.slice(0, 3).map(describeHolder);
  return new Failure({
    code: 'apply/lock-not-obtained',
    message: `other sessions held ${what} through ${tries} ${tries === 1 ? 'try' : 'tries'}${who.length === 0 ? '' : `: ${who.join('; ')}`}`,
    hint: `Let them end (or end one: ${howToEnd(holders)}), then type the same command again; --lock-patience makes it try longer.`,
    details: { tries, relations, holders, sqlState: sqlStateOf(cause) },
    databaseState: 'rolled-back',
    cause,
  });
}

function tooManyWaiting(
  { tries, relations, holders, cause }: Facts,
  { crowd, times }: { readonly crowd: number; readonly times: number },
): Failure {
  const who = holders.slice(0, 3).map(describeHolder);
  return new Failure({
    code: 'apply/too-many-waiting',
    message: `${crowd} sessions waited behind the migration, which gave up its place ${times} ${times === 1 ? 'time' : 'times'}${who.length === 0 ? '' : `; in its way: ${who.join('; ')}`}`,
    hint: 'Apply it when there is less to do, or cut what holds the lock so long (drydock check, drydock rehearse); the limit is apply.maxWaiting in the configuration.',
    details: { tries, relations, holders, crowd, sqlState: sqlStateOf(cause) },
    databaseState: 'rolled-back',
    cause,
  });
}
