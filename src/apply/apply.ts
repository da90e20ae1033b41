// Runs a plan on an environment: step by step, each with its ledger row, waiting for locks so briefly
// that nobody queues behind it for long.

import type { Context } from '../core/context.ts';
import { step } from '../core/context.ts';
import { formatDuration } from '../core/duration.ts';
import { Failure, withCleanup } from '../core/failure.ts';
import { readLedger, recordStep } from '../history/ledger.ts';
import type { Plan, PlannedMigration } from '../migration/plan.ts';
import type { MigrationStep } from '../migration/steps.ts';
import type { Address } from '../postgres/address.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { runAlone } from './alone.ts';
import { runBatches } from './batch.ts';
import type { ApplyReport, MigrationReport, StatementObserver, StatementReport } from './report.ts';
import { runTransaction, type StepResult, type StepRun } from './transaction.ts';

/** What is applied, where, and by whom. */
export interface ApplyOptions {
  readonly address: Address;
  readonly plan: Plan;
  readonly appliedBy: string;
  /** File name of the backup that was taken for this plan. */
  readonly backup?: string | undefined;
  /** How long one transaction goes on trying to get its locks, in milliseconds. */
  readonly lockPatienceMs?: number | undefined;
  readonly observer?: StatementObserver;
}

const defaultLockPatienceMs = 60_000;

/**
 * Applies the plan. The environment must have Drydock's schema.
 *
 * @throws `apply/rolled-back` when a statement failed and nothing of its migration is in force;
 *   `apply/half-done` when earlier steps of its migration are; `apply/lock-not-obtained` when other
 *   sessions held the locks too long. Each names what is in force.
 */
export async function applyPlan(context: Context, options: ApplyOptions): Promise<ApplyReport> {
  const startedAt = context.clock.now().toISOString();
  const migrations: MigrationReport[] = [];
  const statements: StatementReport[] = [];
  for (const planned of options.plan.pending) {
    const { name } = planned.migration;
    const report = await step(context, `run ${name}`, async (reporter) => {
      const done = await applyMigration(context, options, planned, {
        say: reporter.progress,
        collect: (statement) => statements.push(statement),
      }).catch((failure: unknown) => {
        throw inForceBefore(failure, migrations);
      });
      if (done.retries > 0) reporter.summary(`after ${done.retries} waits for a lock`);
      return done;
    });
    migrations.push(report);
  }
  return {
    kind: 'apply',
    version: 1,
    plan: options.plan.digest,
    startedAt,
    endedAt: context.clock.now().toISOString(),
    outcome: 'done',
    environment: options.plan.environment,
    migrations,
    statements,
  };
}

const runners: Readonly<Record<MigrationStep['kind'], (run: StepRun) => Promise<StepResult>>> = {
  transaction: runTransaction,
  alone: runAlone,
  batch: runBatches,
};

interface Listener {
  readonly say: (text: string) => void;
  readonly collect: (statement: StatementReport) => void;
}

// Each migration has a session of its own: settings that it makes cannot leak into the next one.
async function applyMigration(
  context: Context,
  options: ApplyOptions,
  planned: PlannedMigration,
  listener: Listener,
): Promise<MigrationReport> {
  const { migration, fromStep } = planned;
  const startedAt = performance.now();
  const database = await connect(options.address, {
    purpose: `apply ${migration.name}`,
    signal: context.signal,
  });
  let retries = 0;
  let stepsDone = fromStep;
  await withCleanup(
    async () => {
      const { steps } = migration;
      for (const [index, current] of steps.entries()) {
        if (index < fromStep) continue;
        const stepStartedAt = performance.now();
        const run = {
          context,
          database,
          step: current,
          observer: options.observer,
          say: listener.say,
          lockPatienceMs: options.lockPatienceMs ?? defaultLockPatienceMs,
          record: () =>
            recordStep(database, {
              version: migration.version,
              name: migration.name,
              checksum: migration.checksum,
              plan: options.plan.digest,
              stepsDone: index + 1,
              stepsTotal: steps.length,
              appliedBy: options.appliedBy,
              durationMs: performance.now() - stepStartedAt,
              backup: options.backup ?? null,
            }),
        };
        try {
          const result = await runners[current.kind](run);
          retries += result.retries;
          for (const statement of result.statements) {
            listener.collect({ migration: migration.name, ...statement });
          }
        } catch (failure) {
          const landed = await committedUnseen(failure, options.address, migration.version, index);
          if (!landed) throw told(failure, planned, { stepsDone, stepsTotal: steps.length });
        }
        stepsDone = index + 1;
      }
    },
    () => database.close(),
  );
  return {
    name: migration.name,
    version: migration.version,
    ms: performance.now() - startedAt,
    retries,
  };
}

// When the connection breaks during COMMIT nobody knows what happened, except the ledger: its row was
// in the same transaction.
async function committedUnseen(
  failure: unknown,
  address: Address,
  version: string,
  stepIndex: number,
): Promise<boolean> {
  if (!(failure instanceof Failure) || failure.code !== 'postgres/connection-lost') return false;
  try {
    await using database: Database = await connect(address, { purpose: 'look at the ledger' });
    const row = (await readLedger(database)).find((candidate) => candidate.version === version);
    return (row?.stepsDone ?? 0) > stepIndex;
  } catch {
    return false;
  }
}

// The step's failure, with the name of the migration and what is in force of it.
function told(
  failure: unknown,
  { migration }: PlannedMigration,
  { stepsDone, stepsTotal }: { stepsDone: number; stepsTotal: number },
): unknown {
  if (!(failure instanceof Failure)) return failure;
  const half = stepsDone > 0;
  const interrupted = failure.code === 'interrupted';
  const code =
    interrupted || failure.code.startsWith('apply/') ? failure.code : 'apply/rolled-back';
  return new Failure({
    code: half && !interrupted ? 'apply/half-done' : code,
    message: `${migration.name}: ${failure.message}`,
    hint: half
      ? `Correct what failed, then type the same command again: it goes on from step ${stepsDone + 1} of ${stepsTotal}.`
      : failure.hint,
    details: {
      ...failure.details,
      migration: migration.name,
      file: migration.path,
      stepsDone,
      stepsTotal,
    },
    databaseState: half
      ? 'changed'
      : failure.databaseState === 'unknown'
        ? 'unknown'
        : 'rolled-back',
    ...(half
      ? {
          stateDetail: `${stepsDone} of ${stepsTotal} steps of ${migration.name} are in force, the rest is not`,
        }
      : {}),
    cause: failure,
  });
}

// Earlier migrations of the same plan stay in force when a later one fails: that must be said too.
function inForceBefore(failure: unknown, done: readonly MigrationReport[]): unknown {
  if (!(failure instanceof Failure) || done.length === 0) return failure;
  const names = done.map((migration) => migration.name).join(', ');
  const took = formatDuration(done.reduce((sum, migration) => sum + migration.ms, 0));
  const rest =
    failure.stateDetail === undefined ? 'the one after was rolled back' : failure.stateDetail;
  return failure.withState(
    'changed',
    `${names} ${done.length === 1 ? 'is' : 'are'} in force (${took}); ${rest}`,
  );
}
