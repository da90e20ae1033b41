// Rehearsals in order: which copy the plan runs on, what is watched there, and what is made of it.

import { applyPlan } from './apply/apply.ts';
import { readLedger } from './history/ledger.ts';
import { takeSnapshot } from './lint/live-schema.ts';
import { locksOf } from './lint/locks-of.ts';
import { modelOf } from './lint/snapshot.ts';
import { tablesEmptiedBy } from './lint/takes-rows.ts';
import { readMigrations } from './migration/file.ts';
import { makePlan, type Plan } from './migration/plan.ts';
import type { Address } from './postgres/address.ts';
import { connect } from './postgres/connect.ts';
import { parseSql } from './postgres/parser.ts';
import { type Project, planFor, targetNamed } from './project.ts';
import { backupNamed, withProvenCopy } from './recovery.ts';
import { rehearse, type StatementReader } from './rehearsal/rehearse.ts';
import type { CopyOrigin, RehearsalReport } from './rehearsal/report.ts';

/** A wish to see what the pending migrations of an environment really do. */
export interface RehearsalRequest {
  readonly environment: string;
  /** The last migration to run: a path in the migrations folder. All pending ones when left out. */
  readonly file?: string | undefined;
}

/** Rehearses the pending migrations of an environment on its newest backup, proving that first. */
export async function rehearseChange(
  project: Project,
  request: RehearsalRequest,
): Promise<RehearsalReport> {
  const target = targetNamed(project, request.environment);
  const plan = await planFor(project, target, request.file);
  const backup = await backupNamed(project, target);
  return withProvenCopy(project, backup, async (copy, _proof, { place }) =>
    rehearseOn(project, {
      copy,
      plan: await planForCopy(project, copy, plan),
      origin: { from: 'backup', name: backup.name, place },
    }),
  );
}

/** Rehearses a plan on a copy that stands ready. */
export async function rehearseOn(
  project: Project,
  { copy, plan, origin }: { copy: Address; plan: Plan; origin: CopyOrigin },
): Promise<RehearsalReport> {
  const { context, actor } = project;
  const { report } = await rehearse(context, {
    copy,
    plan,
    origin,
    reader: readerFor(context.signal),
    apply: (observer) =>
      applyPlan(context, {
        address: copy,
        plan,
        observer,
        appliedBy: `${actor.who}@${actor.host}`,
      }),
  });
  return report;
}

/** What the check knows of statements, for what watching cannot see. */
export function readerFor(signal: AbortSignal): StatementReader {
  return {
    emptiedBy: tablesEmptiedBy,
    locksOf: async (sql, copy) => {
      const model = modelOf(await takeSnapshot(copy, signal));
      const { statements } = await parseSql(sql);
      return statements
        .flatMap((each) => locksOf({ ...each, inside: undefined }, model))
        .map(({ table, mode }) => ({ relation: table.replace(/^public\./, ''), mode }));
    },
  };
}

// A backup from before earlier applies lacks their migrations too: the copy gets all that it lacks.
async function planForCopy(project: Project, copy: Address, plan: Plan): Promise<Plan> {
  await using database = await connect(copy, { purpose: 'rehearsal' });
  return makePlan({
    environment: plan.environment,
    migrations: await readMigrations(project.config.migrations),
    ledger: await readLedger(database),
    outOfOrder: 'allow',
    upTo: plan.pending.at(-1)?.migration.version,
  });
}
