// One transaction of a migration: a short wait for locks, and the whole again when it was too long.

import { Failure } from '../core/failure.ts';
import { markMigration } from '../history/migration-mark.ts';
import { changesRole } from '../migration/statement-class.ts';
import { firstWords, type MigrationStatement, type MigrationStep } from '../migration/steps.ts';
import type { CommandResult } from '../postgres/connect.ts';
import { sqlStateOf, sqlStates } from '../postgres/server-error.ts';
import { nothingSeen, type Seen } from './guard.ts';
import { LockTurns, type Turn } from './lock-turn.ts';
import { type LockCare, lockTimeoutMs } from './lock-wait.ts';
import { timerAnew } from './session.ts';
import { atLine } from './statement-failure.ts';
import type { StepResult, StepRun } from './step-run.ts';
import { assertVerified } from './verify.ts';

/**
 * Runs the statements and the ledger row in one transaction; tries again as a whole when a lock was not
 * to be had (55P03), a deadlock ended it (40P01) or the guard took it out of the queue, and on nothing
 * else.
 *
 * @throws `apply/lock-not-obtained` and `apply/too-many-waiting` when the patience is used up, naming
 *   who held the lock; `apply/verification-failed`, `apply/unnamed-rows-deleted`
 */
export async function runTransaction(run: StepRun): Promise<StepResult> {
  const startedAt = performance.now();
  const turns = new LockTurns(run);
  for (;;) {
    const turn = await turns.next();
    const { failedTries } = turns;
    const seen = nothingSeen();
    const before = { retries: failedTries, waitedMs: performance.now() - startedAt };
    try {
      return await run.guard.watch(run.database, seen, () => attempt(run, { turn, seen, before }));
    } catch (failure) {
      const wasTakenOut = seen.crowd > 0 && sqlStateOf(failure) === sqlStates.queryCanceled;
      if (!wasTakenOut && !isWorthRetrying(failure)) throw failure;
      // A second cancellation may have met the ROLLBACK.
      if (wasTakenOut) await run.database.execute('ROLLBACK');
      turns.failed(seen, failure);
      run.say(
        wasTakenOut
          ? `${seen.crowd} sessions waited behind it: it gives up its place for a moment`
          : `a lock was not to be had${seen.isMutual ? ', as its holder waited for this change: it is taken first' : ''}: try ${failedTries + 2} follows`,
      );
    }
  }
}

interface Attempt {
  readonly turn: Turn;
  readonly seen: Seen;
  readonly before: { readonly retries: number; readonly waitedMs: number };
}

async function attempt(run: StepRun, { turn, seen, before }: Attempt): Promise<StepResult> {
  const { database, observer, step } = run;
  const { leftovers, settings } = run.preparation;
  // SET LOCAL: gone with the transaction. Outside a transaction it would have no effect at all.
  const limitWaits = `SET LOCAL lock_timeout = ${lockTimeoutMs(careOf(step), before.retries)}`;
  // A look from inside the session wants to come between them, and a keeper too.
  const isAlone = observer === undefined && run.keeper === undefined;
  const together = isAlone ? step.statements.slice(0, 1) : [];
  const begin = [
    ...[...leftovers, 'BEGIN', markMigration, ...settings],
    ...sideways(turn),
    limitWaits,
    ...turn.upFront.map(({ table, mode }) => `LOCK TABLE ONLY ${table} IN ${mode} MODE`),
    ...together.flatMap(({ sql }) => [...timerAnew(database, sql), sql]),
  ];
  const statements: StepResult['statements'][number][] = [];
  const done = async (statement: MigrationStatement, startedAt: number, rows: number | null) => {
    statements.push({ ...statement, ms: performance.now() - startedAt, rows });
    // The file's own limit would be everybody's wait.
    if (changesLockTimeout(statement.sql)) await database.execute(limitWaits);
  };
  const begunAt = performance.now();
  for (const statement of together) sayLine(run, statement);
  const work = async (begun: readonly CommandResult[]): Promise<StepResult> => {
    for (const statement of together)
      await done(statement, begunAt, begun.at(-1)?.rowCount ?? null);
    const keeper = run.keeper?.forTransaction(database);
    for (const written of step.statements.slice(together.length)) {
      for (const statement of (await keeper?.insteadOf(written)) ?? [written]) {
        sayLine(run, statement);
        await observer?.before(database, statement);
        const startedAt = performance.now();
        const [before] = timerAnew(database, statement.sql);
        if (before !== undefined) await database.execute(before);
        const { rowCount } = await database.execute(statement.sql).catch((failure: unknown) => {
          throw atLine(failure, statement.line);
        });
        await done(statement, startedAt, rowCount);
        await observer?.after(database, statement);
      }
    }
    await closeAccounts(run);
    await keeper?.close();
    const lockWaitMs = (before.retries === 0 ? 0 : before.waitedMs) + seen.waitedMs;
    return { statements, retries: before.retries, lockWaitMs };
  };
  const commit = (result: StepResult): readonly string[] => [...run.recordOf(result), 'COMMIT'];
  return await database.transaction(work, { begin, commit }).catch((failure: unknown) => {
    throw atFirstLine(failure, together[0]);
  });
}

function sideways(turn: Turn): readonly string[] {
  if (turn.sideways.length === 0) return [];
  return [
    `SET LOCAL lock_timeout = ${lockTimeoutMs('patient', 0)}`,
    ...turn.sideways.map((table) => `LOCK TABLE ONLY ${table} IN SHARE UPDATE EXCLUSIVE MODE`),
  ];
}

function sayLine({ say }: StepRun, { line, sql }: MigrationStatement): void {
  say(`line ${line}: ${firstWords(sql)}`);
}

// The message of the BEGIN holds more than the file's statement.
function atFirstLine(failure: unknown, first: MigrationStatement | undefined): unknown {
  const isOfFirst =
    first !== undefined && failure instanceof Failure && failure.details.statement === first.sql;
  return isOfFirst ? atLine(failure, first.line) : failure;
}

// What must be true before the COMMIT. Deferred constraints come first: what their triggers do counts
// too, and what they refuse is refused here, where the transaction is known to be gone.
async function closeAccounts({ database, rowGuard, step }: StepRun): Promise<void> {
  if (step.statements.some((each) => each.class === 'data' || each.class === 'code')) {
    await database.execute('SET CONSTRAINTS ALL IMMEDIATE');
  }
  await assertVerified(database, step);
  await rowGuard.assertNothingElseLost(database, step);
  // The ledger belongs to the role that opened the session.
  if ([...step.settings, ...step.statements].some(({ sql }) => changesRole(sql))) {
    await database.execute('SET LOCAL SESSION AUTHORIZATION DEFAULT; SET LOCAL ROLE NONE');
  }
}

function careOf({ statements }: MigrationStep): LockCare {
  const locking = statements.filter((each) => each.class !== 'session');
  const isWeak = locking.every((each) => each.class === 'validation' || each.class === 'data');
  return isWeak && locking.length > 0 ? 'patient' : 'brief';
}

function isWorthRetrying(failure: unknown): boolean {
  const state = sqlStateOf(failure);
  return state === sqlStates.lockNotAvailable || state === sqlStates.deadlockDetected;
}

function changesLockTimeout(sql: string): boolean {
  return /^\s*(?:set|reset|discard)\b.*\b(?:lock_timeout|all)\b/is.test(sql);
}
