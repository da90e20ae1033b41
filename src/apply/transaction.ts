// One transaction of a migration: a short wait for locks, and the whole again when it was too long.

import type { Context } from '../core/context.ts';
import { Failure } from '../core/failure.ts';
import type { MigrationStep } from '../migration/steps.ts';
import { firstWords } from '../migration/steps.ts';
import type { Database } from '../postgres/connect.ts';
import { sqlStateOf, sqlStates } from '../postgres/server-error.ts';
import { nextLockWait } from './lock-wait.ts';
import type { StatementObserver, StatementReport } from './report.ts';

/** One step with everything that running it needs. */
export interface StepRun {
  readonly context: Context;
  readonly database: Database;
  readonly step: MigrationStep;
  readonly observer: StatementObserver | undefined;
  readonly say: (text: string) => void;
  readonly lockPatienceMs: number;
  /** Writes the ledger row: inside the transaction where there is one. */
  readonly record: () => Promise<void>;
}

/** What a step did. */
export interface StepResult {
  readonly statements: readonly Omit<StatementReport, 'migration'>[];
  readonly retries: number;
}

/**
 * Runs the statements and the ledger row in one transaction; tries again as a whole when a lock was
 * not to be had (55P03) or a deadlock ended it (40P01), and on nothing else.
 *
 * @throws `apply/lock-not-obtained` when the patience is used up, naming who held the lock
 */
export async function runTransaction(run: StepRun): Promise<StepResult> {
  const startedAt = performance.now();
  for (let retries = 0; ; retries += 1) {
    const wait = nextLockWait(retries);
    try {
      const statements = await attempt(run, wait.lockTimeoutMs);
      return { statements, retries };
    } catch (failure) {
      if (!isWorthRetrying(failure)) throw failure;
      if (performance.now() - startedAt > run.lockPatienceMs) {
        throw lockNotObtained(failure, retries + 1, await openTransactions(run.database));
      }
      run.say(`a lock was not to be had: try ${retries + 2} follows`);
      await run.context.clock.sleep(wait.pauseMs, run.context.signal);
    }
  }
}

async function attempt(run: StepRun, lockTimeoutMs: number): Promise<StepResult['statements']> {
  const { database, observer } = run;
  const reports: Omit<StatementReport, 'migration'>[] = [];
  await database.transaction(async () => {
    // SET LOCAL: gone with the transaction. Outside a transaction it would have no effect at all.
    await database.execute(`SET LOCAL lock_timeout = ${lockTimeoutMs}`);
    for (const statement of run.step.statements) {
      run.say(`line ${statement.line}: ${firstWords(statement.sql)}`);
      await observer?.before(database, statement);
      const startedAt = performance.now();
      const { rowCount } = await database.execute(statement.sql).catch((failure: unknown) => {
        throw atLine(failure, statement.line);
      });
      reports.push({ ...statement, ms: performance.now() - startedAt, rows: rowCount });
      await observer?.after(database, statement);
    }
    await run.record();
  });
  return reports;
}

/** The failure with the line of the file beside the statement. */
export function atLine(failure: unknown, line: number): unknown {
  if (!(failure instanceof Failure)) return failure;
  return new Failure({
    code: failure.code,
    message: failure.message,
    hint: failure.hint,
    details: { ...failure.details, line },
    databaseState: failure.databaseState,
    cause: failure.cause,
  });
}

function isWorthRetrying(failure: unknown): boolean {
  const state = sqlStateOf(failure);
  return state === sqlStates.lockNotAvailable || state === sqlStates.deadlockDetected;
}

interface OpenTransaction {
  readonly pid: number;
  readonly who: string;
  readonly seconds: number;
}

// Who may be in the way, the oldest first. After the roll-back nobody is known to block anybody: these
// are the sessions that hold a lock on any relation.
function openTransactions(database: Database): Promise<readonly OpenTransaction[]> {
  return database.query<OpenTransaction>(
    `SELECT a.pid, concat_ws(', ', a.usename, nullif(a.application_name, '')) AS who,
            extract(epoch FROM clock_timestamp() - a.xact_start)::int AS seconds
       FROM pg_stat_activity a
      WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.xact_start IS NOT NULL
        AND EXISTS (SELECT FROM pg_locks l
                     WHERE l.pid = a.pid AND l.granted AND l.locktype = 'relation')
      ORDER BY a.xact_start LIMIT 3`,
  );
}

function lockNotObtained(
  failure: unknown,
  tries: number,
  holders: readonly OpenTransaction[],
): Failure {
  const named = holders.map(
    ({ pid, who, seconds }) => `server process ${pid} (${who}, in a transaction for ${seconds} s)`,
  );
  return new Failure({
    code: 'apply/lock-not-obtained',
    message: `other sessions held the lock through ${tries} tries${named.length === 0 ? '' : `; open are ${named.join(', ')}`}`,
    hint: 'See what they do: SELECT pid, usename, query FROM pg_stat_activity WHERE xact_start IS NOT NULL ORDER BY xact_start; then type the same command again.',
    details: { tries, holders, ...(failure instanceof Failure ? failure.details : {}) },
    databaseState: 'rolled-back',
    cause: failure,
  });
}
