// One statement that cannot be in a transaction, such as CREATE INDEX CONCURRENTLY. No roll-back takes
// it back: its record says that it is under way, and looking says what became of it.

import { Failure } from '../core/failure.ts';
import { firstWords } from '../migration/steps.ts';
import { sqlStateOf, sqlStates } from '../postgres/server-error.ts';
import { type AloneStatement, readAloneStatement } from './alone-statement.ts';
import { type Look, nothingSeen, type Seen } from './guard.ts';
import { type Before, type Found, lookAt, lookBefore } from './leavings.ts';
import { describeHolder, howToEnd } from './lock-holders.ts';
import { pauseAfterCrowdMs } from './lock-wait.ts';
import { atLine } from './statement-failure.ts';
import type { StepResult, StepRun } from './step-run.ts';
import { assertVerified } from './verify.ts';

const mostTries = 5;
const clearingLimitMs = 3_000;

/**
 * Runs the statement, unless an earlier run has done it already, then writes its ledger row.
 *
 * No lock timeout: CREATE INDEX CONCURRENTLY waits for every older snapshot by design, and one that is
 * stopped leaves an invalid index behind (manual, CREATE INDEX, "Building Indexes Concurrently").
 *
 * @throws `apply/outcome-unknown` when nobody can see what an earlier run has done;
 *   `apply/invalid-index`; `apply/lock-not-obtained` when the transactions of others outlast the patience
 */
export async function runAlone(run: StepRun): Promise<StepResult> {
  const [statement] = run.step.statements;
  if (statement === undefined) return nothingDone;
  const shape = await readAloneStatement(statement.sql);
  if (run.earlier.length > 0) await untilPredecessorsAreGone(run);
  const earlier = run.earlier.at(-1)?.before as Before | null | undefined;
  const found = await lookAt(run.database, shape, earlier ?? undefined);
  if (found.kind === 'done') {
    run.say(`line ${statement.line}: an earlier run has done it`);
    await assertVerifiedAlone(run);
    await run.database.script(run.recordOf(nothingDone, 'found done'));
    return nothingDone;
  }
  if (found.kind === 'unknown' && !run.resume) throw outcomeUnknown(run, statement);
  const sql = found.kind === 'finish' ? found.sql : statement.sql;
  if (found.kind === 'clear') await clear(run, found);
  const before = found.kind === 'finish' ? { indexes: [] } : await lookBefore(run.database, shape);
  await run.begin(before);
  const result = await runToItsEnd(
    { ...run, step: { ...run.step, statements: [{ ...statement, sql }] } },
    { shape, before },
  );
  await assertVerifiedAlone(run);
  await run.database.script(run.recordOf(result));
  return result;
}

// No roll-back follows a wrong answer here.
async function assertVerifiedAlone({ database, step }: StepRun): Promise<void> {
  await assertVerified(database, step).catch((failure: unknown) => {
    if (!(failure instanceof Failure)) throw failure;
    throw failure.withState('changed', 'the statement before its assertion is');
  });
}

// The server process of a run that was killed may still be at work: it notices after a moment that
// nobody is there, and only then is there something to look at.
async function untilPredecessorsAreGone({
  context,
  database,
  say,
  policy,
}: StepRun): Promise<void> {
  const deadline = performance.now() + policy.concurrentPatienceMs;
  while (performance.now() < deadline) {
    const [row] = await database.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
          AND application_name = current_setting('application_name') AND state = 'active'`,
    );
    if (row === undefined) return;
    say(`waits for server process ${row.pid} of an earlier run to end`);
    await context.clock.sleep(predecessorPollMs, context.signal);
  }
}

const predecessorPollMs = 100;

const nothingDone: StepResult = { statements: [], retries: 0, lockWaitMs: 0 };

interface Knowledge {
  readonly shape: AloneStatement;
  readonly before: Before;
}

async function runToItsEnd(run: StepRun, known: Knowledge): Promise<StepResult> {
  const { database, observer, step } = run;
  const [statement] = step.statements;
  if (statement === undefined) return nothingDone;
  let lockWaitMs = 0;
  for (let retries = 0; ; retries += 1) {
    const seen = nothingSeen();
    const patience = new Patience(run, seen);
    try {
      run.say(`line ${statement.line}: ${firstWords(statement.sql)}`);
      await observer?.before(database, statement);
      const startedAt = performance.now();
      const { rowCount } = await run.guard.watch(
        database,
        seen,
        () => database.execute(statement.sql),
        (look) => patience.look(look),
      );
      const ms = performance.now() - startedAt;
      await observer?.after(database, statement);
      lockWaitMs += seen.waitedMs;
      return { statements: [{ ...statement, ms, rows: rowCount }], retries, lockWaitMs };
    } catch (failure) {
      lockWaitMs += seen.waitedMs;
      const left = await clearAway(run, known, patience.isOver);
      const isWorthAnotherTry =
        left === undefined &&
        retries + 1 < mostTries &&
        (sqlStateOf(failure) === sqlStates.deadlockDetected ||
          (seen.crowd > 0 && sqlStateOf(failure) === sqlStates.queryCanceled));
      if (!isWorthAnotherTry) throw told(patience.verdict(failure, retries + 1), statement, left);
      run.say(`${seen.crowd} sessions waited behind it: it gives up its place for a moment`);
      await run.context.clock.sleep(pauseAfterCrowdMs(retries + 1), run.context.signal);
    }
  }
}

// Tells whom the statement waits for, and ends it when that takes too long.
class Patience {
  readonly #run: StepRun;
  readonly #seen: Seen;
  isOver = false;

  constructor(run: StepRun, seen: Seen) {
    this.#run = run;
    this.#seen = seen;
  }

  async look({ waiting }: Look): Promise<void> {
    const { guard, database, say, policy } = this.#run;
    const [oldest] = this.#seen.blockers;
    if (waiting && oldest !== undefined) {
      say(`waits for ${describeHolder(oldest)}`);
    } else {
      const progress = await progressOf(this.#run);
      if (progress !== undefined) say(progress);
    }
    if (!waiting || this.#seen.waitedMs < policy.concurrentPatienceMs || this.isOver) return;
    this.isOver = true;
    await guard.database.query('SELECT pg_cancel_backend($1)', [database.pid]);
  }

  /** The failure, or who was waited for when that was its reason. */
  verdict(failure: unknown, tries: number): unknown {
    const { blockers, crowd } = this.#seen;
    if (sqlStateOf(failure) !== sqlStates.queryCanceled || (!this.isOver && crowd === 0)) {
      return failure;
    }
    const who = blockers.slice(0, 3).map(describeHolder);
    const what =
      crowd > 0
        ? `${crowd} sessions waited behind the statement, which gave up its place ${tries} times`
        : 'the statement waited too long for the transactions of others';
    return new Failure({
      code: crowd > 0 ? 'apply/too-many-waiting' : 'apply/lock-not-obtained',
      message: `${what}${who.length === 0 ? '' : `: ${who.join('; ')}`}`,
      hint: `Let them end (or end one: ${howToEnd(blockers)}), then type the same command again.`,
      details: { holders: blockers, tries },
      cause: failure,
    });
  }
}

async function progressOf({ guard, database }: StepRun): Promise<string | undefined> {
  const [row] = await guard.database.query<{ phase: string; done: number | null }>(
    `SELECT phase, (100 * blocks_done / nullif(blocks_total, 0))::int AS done
       FROM pg_stat_progress_create_index WHERE pid = $1`,
    [database.pid],
  );
  if (row === undefined) return undefined;
  return row.done === null ? row.phase : `${row.phase}, ${row.done} %`;
}

// A half-built index costs every write its share, and a unique one refuses rows: it goes at once. What
// cannot be cleared away in a moment stays for the next run, and is named.
async function clearAway(
  run: StepRun,
  { shape, before }: Knowledge,
  othersAreInTheWay: boolean,
): Promise<string | undefined> {
  try {
    const found = await lookAt(run.database, shape, before);
    if (found.kind === 'finish') return 'the partition is detached half-way';
    if (found.kind !== 'clear') return undefined;
    // DROP INDEX CONCURRENTLY would wait for the same transactions.
    if (othersAreInTheWay) return leftBehind(shape);
    await clear(run, found, clearingLimitMs);
    return undefined;
  } catch {
    return leftBehind(shape);
  }
}

function leftBehind({ kind }: AloneStatement): string {
  return kind === 'index build' || kind === 'reindex'
    ? 'an invalid index is left, which the next apply takes away'
    : 'what it left behind, the next apply finds out by looking';
}

async function clear(
  { database, say, policy }: StepRun,
  { sql }: Extract<Found, { kind: 'clear' }>,
  limitMs: number = policy.statementLimitMs,
): Promise<void> {
  await database.execute(`SET statement_timeout = ${limitMs}`);
  for (const statement of sql) {
    say(`an invalid index was left behind: ${statement}`);
    await database.execute(statement);
  }
  await database.execute(`SET statement_timeout = ${policy.statementLimitMs}`);
}

function told(
  failure: unknown,
  { line }: { readonly line: number },
  left: string | undefined,
): unknown {
  const placed = atLine(failure, line);
  if (!(placed instanceof Failure)) return placed;
  return left === undefined ? placed : placed.withState('changed', left);
}

function outcomeUnknown(run: StepRun, { line, sql }: { line: number; sql: string }): Failure {
  const at = run.earlier.at(-1)?.startedAt.toISOString() ?? '';
  return new Failure({
    code: 'apply/outcome-unknown',
    message: `line ${line} was begun at ${at} and its end is not known: ${firstWords(sql)}`,
    hint: 'Look what it has done. To run it again: add --resume. When it is done: --mark-applied VERSION --reason "…". To leave the rest: --abandon.',
    details: { line, statement: sql, begunAt: at },
  });
}
