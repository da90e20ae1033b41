// What is in force when a step did not come to be: the words that every failure of an apply begins with.

import { formatDuration } from '../core/duration.ts';
import { Failure } from '../core/failure.ts';
import { readLedger } from '../history/ledger.ts';
import type { PlannedMigration } from '../migration/plan.ts';
import type { Address } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';
import type { MigrationReport } from './report.ts';

/** What became of a transaction whose connection broke. */
export type Fate = 'in force' | 'rolled back' | 'unknown';

// The server may need a moment to notice that nobody is there any more.
const patienceMs = 5_000;
const pollMs = 100;

/**
 * When the connection breaks during COMMIT nobody knows what happened, except the ledger: its row was in
 * the same transaction. Without a row it is sure only when the server process has ended.
 */
export async function fateOf(
  failure: unknown,
  place: { address: Address; version: string; stepIndex: number; pid: number },
): Promise<Fate> {
  if (!(failure instanceof Failure) || failure.code !== 'postgres/connection-lost') {
    return 'rolled back';
  }
  try {
    await using database = await connect(place.address, { purpose: 'look at the ledger' });
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const { lives } = await database.one<{ lives: boolean }>(
        'SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1) AS lives',
        [place.pid],
      );
      const row = (await readLedger(database)).find(({ version }) => version === place.version);
      if ((row?.stepsDone ?? 0) > place.stepIndex) return 'in force';
      if (!lives) return 'rolled back';
      if (performance.now() > deadline) return 'unknown';
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  } catch {
    return 'unknown';
  }
}

// Safe to type again, whatever is in force: exit 10 says so to programs.
const retryable = ['apply/lock-not-obtained', 'apply/too-many-waiting'];

/** The step's failure, with the name of the migration and what is in force of it. */
export function withStepsInForce(
  failure: unknown,
  { migration }: PlannedMigration,
  { stepsDone, fate }: { readonly stepsDone: number; readonly fate: Fate },
): unknown {
  if (!(failure instanceof Failure)) return failure;
  const stepsTotal = migration.steps.length;
  const left = failure.databaseState === 'changed' ? failure.stateDetail : undefined;
  const half = stepsDone > 0 || left !== undefined;
  const { databaseState, stateDetail } = stateOf(migration.name, {
    stepsDone,
    stepsTotal,
    fate,
    left,
  });
  return new Failure({
    code: codeOf(failure.code, half),
    message: `${migration.name}: ${failure.message}`,
    hint: hintOf(failure, { half, stepsDone, stepsTotal }),
    details: {
      ...failure.details,
      migration: migration.name,
      file: migration.path,
      stepsDone,
      stepsTotal,
    },
    databaseState,
    ...(stateDetail === undefined ? {} : { stateDetail }),
    cause: failure,
  });
}

function codeOf(code: string, half: boolean): string {
  if (code === 'interrupted' || retryable.includes(code) || code === 'apply/outcome-unknown') {
    return code;
  }
  if (half) return 'apply/half-done';
  return code.startsWith('apply/') ? code : 'apply/rolled-back';
}

function hintOf(
  failure: Failure,
  { half, stepsDone, stepsTotal }: { half: boolean; stepsDone: number; stepsTotal: number },
): string {
  if (!half || retryable.includes(failure.code) || failure.code === 'apply/outcome-unknown') {
    return failure.hint;
  }
  return `Correct what failed in the data and type the same command again; it goes on from step ${stepsDone + 1} of ${stepsTotal}. When you correct the file, add --resume; to leave the rest, --abandon.`;
}

function stateOf(
  name: string,
  facts: { stepsDone: number; stepsTotal: number; fate: Fate; left: string | undefined },
): { databaseState: Failure['databaseState']; stateDetail: string | undefined } {
  const { stepsDone, stepsTotal, fate, left } = facts;
  const inForce =
    stepsDone === 0 ? undefined : `${stepsDone} of ${stepsTotal} steps of ${name} are in force`;
  if (fate === 'unknown') {
    const whole = `whether step ${stepsDone + 1} of ${name} is in force, the next apply finds out`;
    return {
      databaseState: 'unknown',
      stateDetail: inForce === undefined ? whole : `${inForce}; ${whole}`,
    };
  }
  if (inForce === undefined && left === undefined) {
    return { databaseState: 'rolled-back', stateDetail: undefined };
  }
  const rest =
    inForce === undefined ? `no step of ${name} counts as in force` : `${inForce}, the rest is not`;
  return {
    databaseState: 'changed',
    stateDetail: left === undefined ? rest : `${rest}; ${left}`,
  };
}

/** Earlier migrations of the same plan stay in force when a later one fails: that is said too. */
export function withMigrationsInForce(failure: unknown, done: readonly MigrationReport[]): unknown {
  if (!(failure instanceof Failure) || done.length === 0) return failure;
  const names = done.map((migration) => migration.name).join(', ');
  const took = formatDuration(done.reduce((sum, migration) => sum + migration.ms, 0));
  const rest =
    failure.stateDetail === undefined ? 'the one after was rolled back' : failure.stateDetail;
  const state = failure.databaseState === 'unknown' ? 'unknown' : 'changed';
  return failure.withState(
    state,
    `${names} ${done.length === 1 ? 'is' : 'are'} in force (${took}); ${rest}`,
  );
}
