// Runs a plan on an environment: step by step, each with its ledger row, waiting for locks so briefly
// that nobody queues behind it for long.

import type { Context } from '../core/context.ts';
import { step } from '../core/context.ts';
import { withCleanup } from '../core/failure.ts';
import type { PlannedMigration } from '../migration/plan.ts';
import type { ApplyOptions } from './apply-options.ts';
import { withMigrationsInForce } from './in-force.ts';
import { PlanRun } from './plan-run.ts';
import type { ApplyReport, MigrationReport, StatementReport } from './report.ts';
import { groupsOf, namesOf } from './together.ts';

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
  const run = new PlanRun(context, options, {
    migration: (report) => migrations.push(report),
    statement: (report) => statements.push(report),
  });
  const looksAtEach = options.observer !== undefined || options.keeper !== undefined;
  const groups = looksAtEach ? undefined : groupsOf(options.plan.pending);
  await withCleanup(
    async () => {
      for (const group of groups ?? options.plan.pending.map((planned) => [planned])) {
        await runGroup(context, run, group).catch((failure: unknown) => {
          throw withMigrationsInForce(failure, migrations);
        });
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

async function runGroup(
  context: Context,
  run: PlanRun,
  group: readonly PlannedMigration[],
): Promise<void> {
  const rest =
    group.length === 1
      ? group
      : await step(context, `run ${namesOf(group)}`, async (reporter) => {
          const left = await run.together(group);
          if (left.length > 0) reporter.summary(`the last ${left.length} follow one by one`);
          return left;
        });
  for (const planned of rest) {
    await step(context, `run ${planned.migration.name}`, async (reporter) => {
      const { retries } = await run.migration(planned, reporter.progress);
      if (retries > 0) {
        reporter.summary(`after ${retries} ${retries === 1 ? 'wait' : 'waits'} for a lock`);
      }
    });
  }
}
