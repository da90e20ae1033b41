// Rehearsals in order: which copy the plan runs on, what is watched there, and what is made of it.

import { type ApplyOptions, applyPlan } from './apply/apply.ts';
import type { ApplyReport } from './apply/report.ts';
import { withAroundPlan } from './around-plan.ts';
import type { Context } from './core/context.ts';
import { messageOf } from './core/failure.ts';
import { readLedger } from './history/ledger.ts';
import type { Finding } from './lint/finding.ts';
import { takeSnapshot } from './lint/live-schema.ts';
import { locksOf } from './lint/locks-of.ts';
import { modelOf } from './lint/snapshot.ts';
import { tablesIn } from './lint/tables-in.ts';
import { tablesEmptiedBy } from './lint/takes-rows.ts';
import { readMigrations } from './migration/file.ts';
import { makePlan, type Plan } from './migration/plan.ts';
import type { Address } from './postgres/address.ts';
import { connect } from './postgres/connect.ts';
import { parseSql } from './postgres/parser.ts';
import { findingsOf } from './preflight.ts';
import { type Project, planFor, reading, type Target, targetNamed } from './project.ts';
import { backupNamed, withProvenCopy } from './recovery.ts';
import { forecast } from './rehearsal/forecast.ts';
import { type EnvironmentFigures, readEnvironment } from './rehearsal/forecast-environment.ts';
import type { WantedLoad } from './rehearsal/load/around.ts';
import { rehearse, type StatementReader } from './rehearsal/rehearse.ts';
import type { CopyOrigin, RehearsalReport } from './rehearsal/report.ts';
import { judgeFindings } from './rehearsal/report-findings.ts';
import { problemsOf } from './rehearsal/report-problems.ts';

/** A wish to see what the pending migrations of an environment really do. */
export interface RehearsalRequest {
  readonly environment: string;
  /** The last migration to run: a path in the migrations folder. All pending ones when left out. */
  readonly file?: string | undefined;
  /** A file of the application's statements, beside those that the environment counts. */
  readonly queries?: string | undefined;
  /** The load under which the plan is run once more. */
  readonly load?: WantedLoad | undefined;
}

/** Rehearses the pending migrations of an environment on its newest backup, proving that first. */
export async function rehearseChange(
  project: Project,
  request: RehearsalRequest,
): Promise<RehearsalReport> {
  const target = targetNamed(project, request.environment);
  const plan = await planFor(project, target, request.file);
  const findings = await findingsOf(project, plan);
  const backup = await backupNamed(project, target);
  return withProvenCopy(project, backup, async (copy, _proof, { place }) =>
    rehearseOn(project, target, {
      copy,
      plan: await planForCopy(project, copy, plan),
      findings,
      queries: request.queries,
      load: request.load,
      origin: { from: 'backup', name: backup.name, place },
    }),
  );
}

/** A copy that stands ready, and what is run on it. */
export interface ReadyCopy {
  readonly copy: Address;
  readonly origin: CopyOrigin;
  readonly plan: Plan;
  readonly findings: readonly Finding[];
  readonly queries?: string | undefined;
  readonly load?: WantedLoad | undefined;
}

/** Rehearses a plan on a copy, and says what the environment would feel of it. */
export async function rehearseOn(
  project: Project,
  target: Target,
  { copy, origin, plan, findings, queries, load }: ReadyCopy,
): Promise<RehearsalReport> {
  const { context, actor } = project;
  // While the copy is busy the environment is only looked at.
  const looking = lookAt(project, target);
  const apply = (
    told: Context,
    how: Pick<ApplyOptions, 'address' | 'observer'>,
  ): Promise<ApplyReport> =>
    applyPlan(told, {
      ...how,
      plan,
      // A copy has no person to look, and nothing to lose.
      resume: true,
      appliedBy: `${actor.who}@${actor.host}`,
    });
  // Further runs are parts of other steps, and not watched.
  const unheard = { ...context, emit: () => {} };
  const runPlan = (address: Address): Promise<ApplyReport> => apply(unheard, { address });
  const surroundings = { copy, plan, queries, load, runPlan };
  const { report, tablesBefore } = await withAroundPlan(project, target, surroundings, (around) =>
    rehearse(context, {
      copy,
      plan,
      origin,
      around,
      reader: readerFor(context.signal),
      apply: (observer) => apply(context, { address: copy, observer }),
    }),
  );
  const { statements, tables = [] } = report;
  const made = forecast({
    statements,
    copy: tablesBefore,
    isWhole: origin.from === 'backup' || origin.from === 'clone',
    environment: await looking,
    budget: { blocksForMs: target.environment.blocksForMs },
  });
  return {
    ...report,
    forecast: made,
    problems: problemsOf({ statements, tables, forecast: made }),
    check: judgeFindings(findings, statements),
  };
}

// An environment that cannot be read now was read a moment ago, for its plan: the forecast then says
// what it does not know.
async function lookAt(project: Project, target: Target): Promise<EnvironmentFigures | null> {
  const { context } = project;
  try {
    return await reading(project, target, (database) =>
      readEnvironment(context, database, tablesIn),
    );
  } catch (failure) {
    if (context.signal.aborted) return null;
    context.emit({
      kind: 'note',
      text: `The traffic of ${target.environment.name} could not be read: ${messageOf(failure)}.`,
    });
    return null;
  }
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
