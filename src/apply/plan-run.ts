// One run of a plan: its sessions, and what each migration and each step of it needs.

import type { Context } from '../core/context.ts';
import { Failure } from '../core/failure.ts';
import { install } from '../history/install.ts';
import type { PlannedMigration } from '../migration/plan.ts';
import type { MigrationStep } from '../migration/steps.ts';
import { runAlone } from './alone.ts';
import type { ApplyOptions } from './apply-options.ts';
import { type ApplyPolicy, policyFrom } from './apply-policy.ts';
import { runBatches } from './batch.ts';
import { fateOf, withStepsInForce } from './in-force.ts';
import { type Identity, StepRecords } from './records.ts';
import type { MigrationReport, StatementReport } from './report.ts';
import { type ApplySession, openSession, preparationOf } from './session.ts';
import type { StepResult, StepRun } from './step-run.ts';
import { inForceOf, runTogether } from './together.ts';
import { runTransaction } from './transaction.ts';

const defaultSilenceMs = 20_000;

const runners: Readonly<Record<MigrationStep['kind'], (run: StepRun) => Promise<StepResult>>> = {
  transaction: runTransaction,
  alone: runAlone,
  batch: runBatches,
};

/** Where the run says what came into force. */
interface Tell {
  migration(report: MigrationReport): void;
  statement(report: StatementReport): void;
}

/** Runs the migrations of a plan, one after the other, in one session. */
export class PlanRun {
  readonly #context: Context;
  readonly #options: ApplyOptions;
  readonly #policy: ApplyPolicy;
  readonly #tell: Tell;
  #session: ApplySession | undefined;

  constructor(context: Context, options: ApplyOptions, tell: Tell) {
    this.#context = context;
    this.#options = options;
    this.#policy = policyFrom(options.policy);
    this.#tell = tell;
  }

  async close(): Promise<void> {
    if (this.#session !== undefined) await this.#options.keeper?.end(this.#session.guard.database);
    await this.#session?.close();
  }

  /** Runs small migrations in one message, and returns those that did not come into force by it. */
  async together(group: readonly PlannedMigration[]): Promise<readonly PlannedMigration[]> {
    const { plan, appliedBy, backup = null } = this.#options;
    const { statementLimitMs } = this.#policy;
    const session = await this.#begun();
    try {
      const identity = { plan: plan.digest, appliedBy, backup };
      await runTogether(session, group, { ...identity, statementLimitMs });
    } catch (failure) {
      // A session that was ended tells so once, and is lost for the next statement.
      const lost = isLost(failure)
        ? failure
        : await failureOf(session.database.execute('ROLLBACK'));
      if (lost !== undefined) {
        return await this.#afterLoss(group, { failure, lost, pid: session.database.pid });
      }
    }
    return await this.#told(group);
  }

  /** Runs what is not in force of one migration. Nothing of an earlier one is left in the session. */
  async migration(
    planned: PlannedMigration,
    say: (text: string) => void,
  ): Promise<Pick<MigrationReport, 'retries'>> {
    const { migration, fromStep } = planned;
    const startedAt = performance.now();
    await this.#begun();
    if (fromStep > 0) {
      const text = `${fromStep} of ${migration.steps.length} steps of ${migration.name} are in force: it goes on from step ${fromStep + 1}`;
      this.#context.emit({ kind: 'note', text });
    }
    let retries = 0;
    for (const index of migration.steps.keys()) {
      if (index < fromStep) continue;
      retries += (await this.#step(planned, index, say)).retries;
    }
    const { name, version } = migration;
    this.#tell.migration({ name, version, ms: performance.now() - startedAt, retries });
    return { retries };
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
      const preparation = preparationOf(session, {
        migration: migration.name,
        step: current,
        isFirst: index === planned.fromStep,
        statementLimitMs: this.#policy.statementLimitMs,
      });
      if (current.kind !== 'transaction') {
        await database.script([...preparation.leftovers, ...preparation.settings]);
      }
      const result = await runners[current.kind]({
        context: this.#context,
        ...session,
        place: { version: migration.version, step: index + 1 },
        step: current,
        preparation,
        observer: this.#options.observer,
        keeper: this.#options.keeper,
        say,
        policy: this.#policy,
        earlier: current.kind === 'transaction' ? [] : await records.earlier(),
        resume: this.#options.resume === true,
        begin: (before) => records.begin(before),
        recordOf: (done, outcome) => records.done(done, outcome),
      });
      for (const statement of result.statements) {
        this.#tell.statement({ migration: migration.name, ...statement });
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

  // Without an answer only the ledger knows how far a group came.
  async #afterLoss(
    group: readonly PlannedMigration[],
    { failure, lost, pid }: { failure: unknown; lost: unknown; pid: number },
  ): Promise<readonly PlannedMigration[]> {
    const { address } = this.#options;
    for (const planned of group) {
      const place = { address, version: planned.migration.version, stepIndex: 0, pid };
      const fate = await fateOf(lost, place);
      if (fate === 'in force') continue;
      await this.#reopen(planned !== group[0]);
      if (planned !== group[0]) await this.#told(group);
      throw withStepsInForce(failure, planned, { stepsDone: 0, fate });
    }
    await this.#reopen(true);
    return await this.#told(group);
  }

  // Tells what of a group is in force, and returns the rest.
  async #told(group: readonly PlannedMigration[]): Promise<readonly PlannedMigration[]> {
    const inForce = await inForceOf((await this.#begun()).database, group);
    for (const { migration } of group) {
      const { name, version, steps } = migration;
      const ms = inForce.get(version);
      if (ms === undefined) continue;
      this.#tell.migration({ name, version, ms, retries: 0 });
      for (const statement of steps.flatMap(({ statements }) => statements)) {
        this.#tell.statement({ ...statement, migration: name, ms, rows: null });
      }
    }
    return group.filter(({ migration }) => !inForce.has(migration.version));
  }

  #identity({ migration }: PlannedMigration, index: number): Identity {
    const { plan, appliedBy, backup } = this.#options;
    return { migration, index, plan: plan.digest, appliedBy, backup: backup ?? null };
  }

  async #begun(): Promise<ApplySession> {
    if (this.#session !== undefined) return this.#session;
    const session = await this.#open();
    await install(session.database);
    await this.#options.keeper?.begin(session.database);
    return session;
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

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => undefined,
    (failure: unknown) => failure,
  );
}

function isLost(failure: unknown): boolean {
  return failure instanceof Failure && failure.code === 'postgres/connection-lost';
}
