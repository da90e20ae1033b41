// What stands between a plan and an environment, at this moment: the findings, the evidence, the gates.

import { step } from '../core/context.ts';
import { takeSample } from '../health/sample.ts';
import type { HealthSample } from '../history/health-samples.ts';
import { readJournal } from '../history/journal.ts';
import { check } from '../lint/check.ts';
import type { Finding } from '../lint/finding.ts';
import { readMigrations } from '../migration/file.ts';
import type { Plan } from '../migration/plan.ts';
import type { PromotionEvidence } from '../promotion/evidence.ts';
import type { JudgedGate, Waiver } from '../promotion/gate.ts';
import { gatherEvidence } from '../promotion/gather.ts';
import { judgeGates } from '../promotion/judge.ts';
import type { RehearsalReport } from '../rehearsal/report.ts';
import { whoApproved } from './approving.ts';
import { newestProof } from './backing-up.ts';
import { diskEvidence } from './disk-evidence.ts';
import { whyNotKept } from './kept-plan.ts';
import {
  type OpenTarget,
  type Project,
  planFor,
  reading,
  type Target,
  targetNamed,
} from './project.ts';
import { restoreObstacle } from './restorable.ts';
import { clocksOf, sayClocks } from './server-clock.ts';
import { importedStates } from './soak-evidence.ts';
import { recordWord, tellTheTeam } from './team-notice.ts';

/** What is asked of a preflight. */
export interface PreflightRequest {
  readonly environment: string;
  /** The last migration to judge; all pending ones when left out. */
  readonly file?: string | undefined;
  readonly waivers: readonly Waiver[];
  /** The person who gives their word that the team knows. */
  readonly toldBy?: string | undefined;
  /** Tells the team now, by the webhooks. */
  readonly notify: boolean;
}

/** What stands in the way. */
export interface Preflight {
  readonly plan: Plan;
  /** Why undo cannot take the plan back although it is on, with statement and line. */
  readonly notKept: readonly string[];
  /** Empty when nothing is pending: then there is nothing to judge. */
  readonly gates: readonly JudgedGate[];
  readonly health: HealthSample | null;
}

/** Looks at the pending migrations of an environment, at every gate and at its health. */
export async function preflightChange(
  project: Project,
  request: PreflightRequest,
): Promise<Preflight> {
  const target = targetNamed(project, request.environment);
  const plan = await planFor(project, target, request.file);
  if (plan.pending.length === 0) {
    return {
      plan,
      notKept: [],
      gates: [],
      health: await takeSample(project.context, target.environment),
    };
  }
  const { toldBy, waivers } = request;
  if (toldBy !== undefined) await recordWord(project, target, { plan, toldBy });
  if (request.notify) await tellTheTeam(project, target, plan);
  const findings = await findingsOf(project, plan);
  const { evidence, gates } = await judgeNow(project, { target, plan, findings, waivers });
  return { plan, notKept: whyNotKept(target, plan), gates, health: evidence.health };
}

/** What is judged. */
export interface Judging {
  readonly target: Target;
  readonly plan: Plan;
  readonly findings: readonly Finding[];
  readonly waivers: readonly Waiver[];
  /** Judges as if it were that time already; now when left out. */
  readonly at?: Date;
}

/** Gathers the evidence as it is at this moment, and asks every gate. */
export async function judgeNow(
  project: Project,
  judging: Judging,
  rehearsal: RehearsalReport | null = null,
): Promise<{ readonly evidence: PromotionEvidence; readonly gates: readonly JudgedGate[] }> {
  const { target, waivers } = judging;
  return step(project.context, 'look at every gate', () =>
    reading(project, target, async (database) => {
      const evidence = {
        ...(await evidenceNow(project, judging, { ...target, database })),
        rehearsal,
      };
      return { evidence, gates: judgeGates(evidence, waivers) };
    }),
  );
}

async function evidenceNow(
  project: Project,
  { plan, findings, at }: Judging,
  target: OpenTarget,
): Promise<PromotionEvidence> {
  const { context, config } = project;
  const { environment, database } = target;
  const clocks = await clocksOf(context, database);
  sayClocks(context, environment.name, clocks);
  const now = at ?? clocks.server;
  const journal = await readJournal(database);
  return gatherEvidence({
    now,
    aheadMs: now.getTime() - clocks.server.getTime(),
    clock: context.clock,
    environment,
    database,
    environments: config.environments,
    plan,
    findings,
    approvedBy: await whoApproved(project, target, { plan, journal }),
    journal,
    imported: await importedStates(project, target, { plan, journal }),
    health: await takeSample(context, environment),
    backup: await newestProof(project, target),
    disk: await diskEvidence(project, target),
    restoreObstacle: await restoreObstacle(project, target),
    read: (environment, work) => reading(project, targetNamed(project, environment.name), work),
  });
}

/**
 * What a check finds in the pending migrations. What a comment in the file allows is among it: passing
 * a gate takes a name and a reason in the journal.
 */
export async function findingsOf(project: Project, plan: Plan): Promise<readonly Finding[]> {
  const pending = plan.pending.map(({ migration }) => migration.path);
  const all = await readMigrations(project.config.migrations);
  const { findings, allowed } = await check(
    all.filter(({ path }) => pending.includes(path)),
    { earlier: all.filter(({ path }) => !pending.includes(path)) },
  );
  return [...findings, ...allowed.map(({ finding }) => finding)];
}
