// Rehearsals in order: which copy the plan runs on, what is watched there, and what is made of it.

import { applyPlan } from '../apply/apply.ts';
import type { ApplyOptions } from '../apply/apply-options.ts';
import type { ApplyReport } from '../apply/report.ts';
import type { Context } from '../core/context.ts';
import { formatDuration } from '../core/duration.ts';
import { Failure, messageOf } from '../core/failure.ts';
import type { Finding } from '../lint/finding.ts';
import { takeSnapshot } from '../lint/live-schema.ts';
import { locksOf } from '../lint/locks-of.ts';
import { modelOf } from '../lint/snapshot.ts';
import { tablesIn } from '../lint/tables-in.ts';
import { tablesEmptiedBy } from '../lint/takes-rows.ts';
import type { Address } from '../postgres/address.ts';
import { parseSql } from '../postgres/parser.ts';
import { forecast } from '../rehearsal/forecast.ts';
import { type EnvironmentFigures, readEnvironment } from '../rehearsal/forecast-environment.ts';
import type { WantedLoad } from '../rehearsal/load/around.ts';
import { rehearse, type StatementReader } from '../rehearsal/rehearse.ts';
import type { RehearsalReport } from '../rehearsal/report.ts';
import { judgeFindings } from '../rehearsal/report-findings.ts';
import { problemsOf } from '../rehearsal/report-problems.ts';
import { withAroundPlan } from './around-plan.ts';
import { type ReadyCopy, withCopy } from './copies.ts';
import { keeperFor, undoTrial, whyNotKept } from './kept-plan.ts';
import { findingsOf } from './preflight.ts';
import { type Project, planFor, reading, type Target, targetNamed } from './project.ts';

/** A wish to see what the pending migrations of an environment really do. */
export interface RehearsalRequest {
  readonly environment: string;
  /** The last migration to run: a path in the migrations folder. All pending ones when left out. */
  readonly file?: string | undefined;
  /** A file of the application's statements, beside those that the environment counts. */
  readonly queries?: string | undefined;
  /** The load under which the plan is run once more. */
  readonly load?: WantedLoad | undefined;
  /** `schema`, `clone`, or an environment whose newest backup is the copy. */
  readonly from?: string | undefined;
  /** The most rows of each table in a copy of the schema; none if left out. */
  readonly rows?: number | undefined;
  /** Leaves the copy behind for a day. */
  readonly keep?: boolean | undefined;
  readonly timeoutMs?: number | undefined;
}

/** Rehearses the pending migrations of an environment on a copy: its newest backup, proven, unless another is asked for. */
export async function rehearseChange(
  outer: Project,
  request: RehearsalRequest,
): Promise<RehearsalReport> {
  return withTimeLimit(outer, request.timeoutMs, async (project) => {
    const target = targetNamed(project, request.environment);
    const plan = await planFor(project, target, request.file);
    const findings = await findingsOf(project, plan);
    const { from, rows, keep, queries, load } = request;
    return withCopy(project, target, { plan, from, rows, keep }, (ready) => {
      if (keep === true) tellWhere(project, ready);
      return rehearseOn(project, target, { ...ready, findings, queries, load });
    });
  });
}

function tellWhere({ context }: Project, { copy }: ReadyCopy): void {
  const text = `The copy stays for a day: psql '${copy.toolArgument()}'; to drop it: drydock rehearse --drop-kept`;
  context.emit({ kind: 'note', text });
}

async function withTimeLimit<T>(
  project: Project,
  timeoutMs: number | undefined,
  work: (project: Project) => Promise<T>,
): Promise<T> {
  if (timeoutMs === undefined) return work(project);
  const limit = AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([project.context.signal, limit]);
  try {
    return await work({ ...project, context: { ...project.context, signal } });
  } catch (failure) {
    if (!limit.aborted || project.context.signal.aborted) throw failure;
    throw new Failure({
      code: 'rehearsal/timed-out',
      message: `the rehearsal was not done after ${formatDuration(timeoutMs)}`,
      hint: 'Give it more time with --timeout, or find out what takes so long: drydock rehearse --from schema',
      cause: failure,
    });
  }
}

/** A copy, and what is looked at on it. */
export interface WatchedCopy extends ReadyCopy {
  readonly findings: readonly Finding[];
  readonly queries?: string | undefined;
  readonly load?: WantedLoad | undefined;
}

/** Rehearses a plan on a copy, and says what the environment would feel of it. */
export async function rehearseOn(
  project: Project,
  target: Target,
  { copy, origin, plan, findings, queries, load }: WatchedCopy,
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
      keeper: keeperFor(project, target, plan),
      appliedBy: `${actor.who}@${actor.host}`,
    });
  // Further runs are parts of other steps, and not watched.
  const unheard = { ...context, emit: () => {} };
  const runPlan = (address: Address): Promise<ApplyReport> => apply(unheard, { address });
  const keeper = keeperFor(project, target, plan);
  const undo = keeper === undefined ? undefined : undoTrial(unheard, plan, copy);
  const surroundings = { copy, plan, queries, load, undo, runPlan };
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
    isWhole: origin.from !== 'schema',
    environment: await looking,
    budget: { blocksForMs: target.environment.blocksForMs },
  });
  return {
    ...report,
    forecast: made,
    problems: problemsOf({ statements, tables, forecast: made }),
    check: judgeFindings(findings, statements),
    notKept: whyNotKept(target, plan),
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
