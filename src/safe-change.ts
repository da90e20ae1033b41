// The whole process of a change, in order. Every other file does one step; this one says which comes
// after which, hands the steps to each other, and is the only place that does.

import { applyPlan } from './apply/apply.ts';
import type { ApplyReport, StatementObserver } from './apply/report.ts';
import { step } from './core/context.ts';
import { shortDigest } from './core/digest.ts';
import { formatDuration } from './core/duration.ts';
import { Failure } from './core/failure.ts';
import { takeSample } from './health/sample.ts';
import { verifyHealth } from './health/verify.ts';
import { type HealthSample, recordSample } from './history/health-samples.ts';
import { readJournal } from './history/journal.ts';
import { readLedger } from './history/ledger.ts';
import { check } from './lint/check.ts';
import type { Finding } from './lint/finding.ts';
import { readMigrations } from './migration/file.ts';
import { makePlan, type Plan, planNames } from './migration/plan.ts';
import { notify } from './notify/notify.ts';
import type { Address } from './postgres/address.ts';
import { connect } from './postgres/connect.ts';
import { schemaFingerprint } from './postgres/fingerprint.ts';
import { doing, type Project, planFor, reading, type Target, targetNamed } from './project.ts';
import type { PromotionEvidence } from './promotion/evidence.ts';
import type { JudgedGate, Waiver } from './promotion/gate.ts';
import { gatherEvidence } from './promotion/gather.ts';
import { closedGates, judgeGates } from './promotion/judge.ts';
import { newestProven, takeBackup, withProvenCopy } from './recovery.ts';
import { type RehearsalReport, rehearse } from './rehearsal/rehearse.ts';

/** What is asked before anything is done. */
export interface PlanQuestion {
  readonly target: Target;
  readonly plan: Plan;
  readonly findings: readonly Finding[];
  readonly gates: readonly JudgedGate[];
}

/** What is asked when everything was proven and rehearsed. */
export interface FinalQuestion extends PlanQuestion {
  readonly backup: {
    readonly file: string;
    readonly sizeBytes: number;
    readonly restoreMs: number;
  };
  readonly rehearsal: RehearsalReport;
}

/** Who answers the two questions of a guarded environment: a person, or flags. */
export interface Answers {
  plan(question: PlanQuestion): Promise<boolean>;
  final(question: FinalQuestion): Promise<boolean>;
}

/** A wish to bring an environment up to date. */
export interface ChangeRequest {
  readonly environment: string;
  /** The last migration to run: a path in the migrations folder. All pending ones when left out. */
  readonly file?: string | undefined;
  readonly answers: Answers;
  readonly waivers: readonly Waiver[];
  /** The person who gives their word that the team knows. */
  readonly toldBy?: string | undefined;
}

/** What became of it. */
export interface ChangeReport {
  readonly environment: string;
  readonly database: string;
  readonly plan: { readonly digest: string; readonly migrations: readonly string[] };
  readonly outcome: 'nothing pending' | 'refused' | 'declined' | 'applied';
  readonly gates: readonly JudgedGate[];
  readonly backup: string | null;
  readonly rehearsal: RehearsalReport | null;
  readonly apply: ApplyReport | null;
  readonly health: HealthSample | null;
}

const healthPatienceMs = 15_000;

/**
 * Brings an environment up to date. A guarded one (production) is changed only through the gates, a
 * proven backup, a rehearsal on it and two confirmations; the others at once.
 *
 * @example
 * await applyChange(project, { environment: 'staging', answers, waivers: [] });
 */
export async function applyChange(project: Project, request: ChangeRequest): Promise<ChangeReport> {
  const target = targetNamed(project, request.environment);
  const plan = await planFor(project, target, request.file);
  if (plan.pending.length === 0) return report(target, plan, { outcome: 'nothing pending' });
  const findings = await findingsOf(project, plan);
  if (target.environment.guarded) await tellTheTeam(project, target, plan, request.toldBy);
  return doing(project, target, { command: 'apply', changes: true }, async () => {
    await assertUnchanged(project, target, request, plan);
    const result = target.environment.guarded
      ? await promote(project, target, { request, plan, findings })
      : await applyAtOnce(project, target, { request, plan, findings });
    return {
      result,
      refused: result.outcome !== 'applied',
      plan: plan.digest,
      ...(result.backup === null ? {} : { backup: result.backup }),
      details: await journalDetails(project, target, result),
    };
  });
}

interface Change {
  readonly request: ChangeRequest;
  readonly plan: Plan;
  readonly findings: readonly Finding[];
}

async function applyAtOnce(
  project: Project,
  target: Target,
  { request, plan, findings }: Change,
): Promise<ChangeReport> {
  if (
    target.environment.confirm !== 'never' &&
    !(await request.answers.plan({ target, plan, findings, gates: [] }))
  ) {
    return report(target, plan, { outcome: 'declined' });
  }
  const apply = await runPlan(project, target.address, { plan });
  const health = await settle(project, target);
  return report(target, plan, { outcome: 'applied', apply, health });
}

// Promises 1 and 2 of the README are the order of these lines.
async function promote(
  project: Project,
  target: Target,
  { request, plan, findings }: Change,
): Promise<ChangeReport> {
  const { answers, waivers } = request;
  const evidence = await evidenceFor(project, target, { plan, findings });
  const gates = judgeGates(evidence, waivers);
  if (closedGates(gates, 'before').length > 0)
    return report(target, plan, { outcome: 'refused', gates });
  if (!(await answers.plan({ target, plan, findings, gates }))) {
    return report(target, plan, { outcome: 'declined', gates });
  }

  const backup = await takeBackup(project, target, { reason: 'before apply', plan: plan.digest });
  const { proof, rehearsal } = await withProvenCopy(
    project,
    target,
    backup,
    async (copy, proof) => ({
      proof,
      rehearsal: await rehearsePlan(project, { copy, plan, backup: backup.file }),
    }),
  );

  const proven = { file: backup.file, takenAt: backup.takenAt, restoreMs: proof.restoreMs };
  const judged = judgeGates({ ...evidence, backup: proven, rehearsal }, waivers);
  const soFar = { gates: judged, backup: backup.file, rehearsal };
  if (closedGates(judged, 'after rehearsal').length > 0) {
    return report(target, plan, { outcome: 'refused', ...soFar });
  }
  const final = { file: backup.file, sizeBytes: backup.sizeBytes, restoreMs: proof.restoreMs };
  if (!(await answers.final({ target, plan, findings, gates: judged, backup: final, rehearsal }))) {
    return report(target, plan, { outcome: 'declined', ...soFar });
  }

  try {
    const apply = await runPlan(project, target.address, { plan, backup: backup.file });
    const health = await settle(project, target);
    await tell(project, target, 'apply done', `${planNames(plan).join(', ')} is in force`);
    return report(target, plan, { outcome: 'applied', ...soFar, apply, health });
  } catch (failure) {
    const said = failure instanceof Failure ? failure.message : String(failure);
    await tell(project, target, 'apply failed', said);
    throw failure;
  }
}

/** Rehearses the pending migrations of an environment on its newest backup, proving that first. */
export async function rehearseChange(
  project: Project,
  request: { readonly environment: string; readonly file?: string | undefined },
): Promise<RehearsalReport> {
  const target = targetNamed(project, request.environment);
  const plan = await planFor(project, target, request.file);
  const backup = await newestProven(project, target);
  return withProvenCopy(project, target, backup, async (copy) =>
    rehearsePlan(project, {
      copy,
      plan: await planForCopy(project, copy, plan),
      backup: backup.file,
    }),
  );
}

/** Everything that the gates judge, for an environment as it is now. */
export async function judgePromotion(
  project: Project,
  request: Pick<ChangeRequest, 'environment' | 'file' | 'waivers' | 'toldBy'> & {
    readonly notify: boolean;
  },
): Promise<{ readonly plan: Plan; readonly gates: readonly JudgedGate[] }> {
  const target = targetNamed(project, request.environment);
  const plan = await planFor(project, target, request.file);
  if (request.notify || request.toldBy !== undefined) {
    await tellTheTeam(project, target, plan, request.toldBy);
  }
  const evidence = await evidenceFor(project, target, { plan, findings: await findingsOf(project, plan) });
  return { plan, gates: judgeGates(evidence, request.waivers) };
}

async function evidenceFor(
  project: Project,
  target: Target,
  { plan, findings }: Pick<Change, 'plan' | 'findings'>,
): Promise<PromotionEvidence> {
  return step(project.context, 'look at every gate', async () =>
    gatherEvidence({
      now: project.context.clock.now(),
      environment: target.environment,
      environments: project.config.environments,
      plan,
      findings,
      journal: await reading(project, target, readJournal),
      health: await takeSample(project.context, target.environment),
      backup: (await newestProven(project, target, 'as it is')) ?? null,
      read: (environment, work) => reading(project, targetNamed(project, environment.name), work),
    }),
  );
}

// What a comment in the file allows is still judged by the gates: passing one takes a name and a reason.
async function findingsOf(project: Project, plan: Plan): Promise<readonly Finding[]> {
  const pending = plan.pending.map(({ migration }) => migration.path);
  const all = await readMigrations(project.config.migrations);
  const { findings, allowed } = await check(
    all.filter(({ path }) => pending.includes(path)),
    { earlier: all.filter(({ path }) => !pending.includes(path)) },
  );
  return [...findings, ...allowed.map(({ finding }) => finding)];
}

function runPlan(
  project: Project,
  address: Address,
  options: { plan: Plan; backup?: string; observer?: StatementObserver },
): Promise<ApplyReport> {
  const { who, host } = project.actor;
  return applyPlan(project.context, { address, appliedBy: `${who}@${host}`, ...options });
}

function rehearsePlan(
  project: Project,
  options: { copy: Address; plan: Plan; backup: string },
): Promise<RehearsalReport> {
  const { copy, plan } = options;
  return rehearse(project.context, {
    ...options,
    apply: (observer) => runPlan(project, copy, { plan, observer }),
  });
}

// A backup from before earlier applies lacks their migrations too: the copy gets all that it lacks.
async function planForCopy(project: Project, copy: Address, plan: Plan): Promise<Plan> {
  await using database = await connect(copy, { purpose: 'rehearsal' });
  return makePlan({
    environment: plan.environment,
    migrations: await readMigrations(project.config.migrations),
    ledger: await readLedger(database),
    upTo: plan.pending.at(-1)?.migration.version,
  });
}

// After an apply: is the application still well?
async function settle(project: Project, target: Target): Promise<HealthSample> {
  const { context } = project;
  const { environment } = target;
  const sample = await step(
    context,
    `look at the health of ${environment.name}`,
    async (reporter) => {
      const last = await verifyHealth(
        context,
        () => takeSample(context, environment),
        healthPatienceMs,
      );
      reporter.summary(last.healthy ? 'healthy' : 'UNHEALTHY');
      return last;
    },
  );
  await using database = await connect(target.address, { purpose: 'health' });
  await recordSample(database, sample);
  return sample;
}

// Between the first reading of the plan and the change lock somebody else may have applied it.
async function assertUnchanged(
  project: Project,
  target: Target,
  request: ChangeRequest,
  plan: Plan,
): Promise<void> {
  const now = await planFor(project, target, request.file);
  if (now.digest === plan.digest) return;
  throw new Failure({
    code: 'migration/plan-changed',
    message: `the pending migrations of ${target.environment.name} changed while this command waited`,
    hint: `Look again with \`drydock status\`, then: drydock apply ${target.environment.name}`,
  });
}

async function tellTheTeam(
  project: Project,
  target: Target,
  plan: Plan,
  toldBy: string | undefined,
): Promise<void> {
  if (toldBy === undefined && target.environment.notify.length === 0) return;
  await doing(project, target, { command: 'notify', changes: false }, async () => {
    if (toldBy !== undefined)
      return { result: undefined, plan: plan.digest, details: { by: toldBy } };
    const text = `${planNames(plan).join(', ')} is about to be applied to ${target.environment.name}`;
    const arrived = await tell(project, target, 'apply begins', text);
    return {
      result: undefined,
      refused: arrived.length === 0,
      plan: plan.digest,
      details: { by: arrived.join(', ') },
    };
  });
}

async function tell(
  project: Project,
  { environment }: Target,
  event: string,
  text: string,
): Promise<readonly string[]> {
  const deliveries = await notify(environment.notify, {
    event,
    environment: environment.name,
    text,
  });
  for (const { delivered, host, figure } of deliveries) {
    if (!delivered) {
      project.context.emit({
        kind: 'note',
        text: `The message to ${host} did not arrive: ${figure}`,
      });
    }
  }
  return deliveries.filter(({ delivered }) => delivered).map(({ host }) => host);
}

function report(
  target: Target,
  plan: Plan,
  rest: Pick<ChangeReport, 'outcome'> & Partial<ChangeReport>,
): ChangeReport {
  return {
    environment: target.environment.name,
    database: target.address.label,
    plan: { digest: plan.digest, migrations: planNames(plan) },
    gates: [],
    backup: null,
    rehearsal: null,
    apply: null,
    health: null,
    ...rest,
  };
}

// What the journal keeps: enough to judge the next environment by, and to answer "who let this pass?".
async function journalDetails(
  project: Project,
  target: Target,
  { outcome, plan, gates, health, rehearsal, apply }: ChangeReport,
): Promise<Record<string, unknown>> {
  return {
    outcome,
    migrations: plan.migrations,
    digest: shortDigest(plan.digest),
    ...(gates.length === 0
      ? {}
      : { gates: gates.map(({ id, state, reason }) => ({ id, state, reason })) }),
    ...(rehearsal === null ? {} : { rehearsal: formatDuration(rehearsal.totalMs) }),
    ...(health === null ? {} : { healthy: health.healthy }),
    ...(apply === null ? {} : { fingerprint: await reading(project, target, schemaFingerprint) }),
  };
}
