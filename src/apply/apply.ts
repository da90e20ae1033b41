// Runs a plan on an environment: step by step, each with its ledger row, waiting for locks so briefly
// that nobody queues behind it for long.

import type { Context } from '../core/context.ts';
import { step } from '../core/context.ts';
import { Failure, withCleanup } from '../core/failure.ts';
import { install } from '../history/install.ts';
import type { Plan, PlannedMigration } from '../migration/plan.ts';
import type { MigrationStep } from '../migration/steps.ts';
import type { Address } from '../postgres/address.ts';
import { runAlone } from './alone.ts';
import { runBatches } from './batch.ts';
import { fateOf, withMigrationsInForce, withStepsInForce } from './in-force.ts';
import { type Identity, StepRecords } from './records.ts';
import type { ApplyReport, MigrationReport, StatementObserver, StatementReport } from './report.ts';
import { type ApplySession, openSession, prepareSession } from './session.ts';
import { type ApplyPolicy, defaultPolicy, type StepResult, type StepRun } from './step-run.ts';
import { runTransaction } from './transaction.ts';

/** Limits that are to differ from the default ones. */
export type PolicyParts = {
  readonly [NAME in keyof ApplyPolicy]?: ApplyPolicy[NAME] | undefined;
};

/** What is applied, where, and by whom. */
export interface ApplyOptions {
  readonly address: Address;
  readonly plan: Plan;
  readonly appliedBy: string;
  /** File name of the backup that was taken for this plan. */
  readonly backup?: string | undefined;
  readonly policy?: PolicyParts;
  /** A person has looked at a step whose end was not known, and wants it run again. */
  readonly resume?: boolean | undefined;
  readonly observer?: StatementObserver;
  /** A server that has not answered for so long, in milliseconds, counts as lost. */
  readonly silenceMs?: number;
}

const defaultSilenceMs = 20_000;

/**
 * Applies the plan.
 *
 * @throws `apply/rolled-back` when a statement failed and nothing of its migration is in force;
 *   `apply/half-done` when earlier steps of its migration are; `apply/lock-not-obtained` and
 *   `apply/too-many-waiting` when others were in the way; `apply/outcome-unknown` when a person must
 *   look; `apply/verification-failed`, `apply/unnamed-rows-deleted`. Each names what is in force.
 */
export async function applyPlan(context: Context, options: ApplyOptions): Promise<ApplyReport> {
  const startedAt = context.clock.now().toISOString();
  const migrations: MigrationReport[] = [];
  const statements: StatementReport[] = [];
  const run = new PlanRun(context, options, (statement) => statements.push(statement));
  await withCleanup(
    async () => {
      for (const planned of options.plan.pending) {
        const report = await step(context, `run ${planned.migration.name}`, async (reporter) => {
          const done = await run.migration(planned, reporter.progress).catch((failure: unknown) => {
            throw withMigrationsInForce(failure, migrations);
          });
          if (done.retries > 0) {
            reporter.summary(
              `after ${done.retries} ${done.retries === 1 ? 'wait' : 'waits'} for a lock`,
            );
          }
          return done;
        });
        migrations.push(report);
      }
    },
    () => run.close(),
  );
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

class PlanRun {
  readonly #context: Context;
  readonly #options: ApplyOptions;
  readonly #policy: ApplyPolicy;
  readonly #collect: (statement: StatementReport) => void;
  #session: ApplySession | undefined;

  constructor(
    context: Context,
    options: ApplyOptions,
    collect: (statement: StatementReport) => void,
  ) {
    this.#context = context;
    this.#options = options;
    this.#policy = policyFrom(options.policy ?? {});
    this.#collect = collect;
  }

  async close(): Promise<void> {
    await this.#session?.close();
  }

  /** Runs what is not in force of one migration. Nothing of an earlier one is left in the session. */
  async migration(
    planned: PlannedMigration,
    say: (text: string) => void,
  ): Promise<MigrationReport> {
    const { migration, fromStep } = planned;
    const startedAt = performance.now();
    if (this.#session === undefined) await install((await this.#open()).database);
    else await this.#session.database.execute('DISCARD ALL');
    if (fromStep > 0) {
      const text = `${fromStep} of ${migration.steps.length} steps of ${migration.name} are in force: it goes on from step ${fromStep + 1}`;
      this.#context.emit({ kind: 'note', text });
    }
    let retries = 0;
    for (const index of migration.steps.keys()) {
      if (index < fromStep) continue;
      retries += (await this.#step(planned, index, say)).retries;
    }
    return {
      name: migration.name,
      version: migration.version,
      ms: performance.now() - startedAt,
      retries,
    };
  }

  async #step(
    planned: PlannedMigration,
    index: number,
    say: (text: string) => void,
  ): Promise<Pick<StepResult, 'retries'>> {
    const { migration } = planned;
    const current = migration.steps[index];
    if (current === undefined) return { retries: 0 };
    const session = this.#session ?? (await this.#open());
    const { database } = session;
    const records = new StepRecords(session, current, this.#identity(planned, index));
    try {
      await prepareSession(database, {
        migration: migration.name,
        step: current,
        statementLimitMs: this.#policy.statementLimitMs,
      });
      const result = await runners[current.kind]({
        context: this.#context,
        ...session,
        place: { version: migration.version, step: index + 1 },
        step: current,
        observer: this.#options.observer,
        say,
        policy: this.#policy,
        earlier: current.kind === 'transaction' ? [] : await records.earlier(),
        resume: this.#options.resume === true,
        begin: (before) => records.begin(before),
        record: (done, outcome) => records.done(done, outcome),
      });
      for (const statement of result.statements) {
        this.#collect({ migration: migration.name, ...statement });
      }
      return result;
    } catch (failure) {
      const { address } = this.#options;
      const place = { address, version: migration.version, stepIndex: index, pid: database.pid };
      const fate = await fateOf(failure, place);
      if (isLost(failure)) await this.#reopen(fate === 'in force');
      if (fate === 'in force') return { retries: 0 };
      if (this.#session !== undefined) await records.failed(failure, this.#session.guard.database);
      throw withStepsInForce(failure, planned, { stepsDone: index, fate });
    }
  }

  #identity({ migration }: PlannedMigration, index: number): Identity {
    const { plan, appliedBy, backup } = this.#options;
    return { migration, index, plan: plan.digest, appliedBy, backup: backup ?? null };
  }

  async #open(): Promise<ApplySession> {
    this.#session = await openSession(this.#context, this.#options.address, {
      maxWaiting: this.#policy.maxWaiting,
      silenceMs: this.#options.silenceMs ?? defaultSilenceMs,
    });
    return this.#session;
  }

  // The COMMIT may have arrived although its answer did not: then the plan goes on.
  async #reopen(isNeeded: boolean): Promise<void> {
    await this.#session?.close();
    this.#session = undefined;
    if (isNeeded) await this.#open();
  }
}

function isLost(failure: unknown): boolean {
  return failure instanceof Failure && failure.code === 'postgres/connection-lost';
}

function policyFrom(wanted: PolicyParts): ApplyPolicy {
  const said = Object.entries(wanted).filter(([, value]) => value !== undefined);
  return { ...defaultPolicy, ...Object.fromEntries(said) };
}
