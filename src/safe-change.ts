// The whole process of a change, in order. Every other file does one step; this one says which comes
// after which, and hands the steps to each other.

import { applyPlan } from './apply/apply.ts';
import type { ApplyOptions } from './apply/apply-options.ts';
import type { PolicyParts } from './apply/apply-policy.ts';
import type { ApplyReport } from './apply/report.ts';
import { step } from './core/context.ts';
import { Failure, messageOf } from './core/failure.ts';
import { takeSample } from './health/sample.ts';
import { verifyHealth } from './health/verify.ts';
import { assertNotFrozen } from './history/freeze.ts';
import { type HealthSample, recordSample } from './history/health-samples.ts';
import type { Finding } from './lint/finding.ts';
import { type MigrationText, readMigrations } from './migration/file.ts';
import { type Plan, parsedPlan, planNames } from './migration/plan.ts';
import type { Address } from './postgres/address.ts';
import { connect } from './postgres/connect.ts';
import { armOrBackUp, disarmUnlessApplied } from './process/armed-change.ts';
import { keepingSchema, unlikeRehearsal } from './process/as-rehearsed.ts';
import { withProvenCopy } from './process/backing-up.ts';
import { type ChangeReport, changeReport, journalOutcome } from './process/change-report.ts';
import {
  assertNoDrift,
  expectSchemaNow,
  keepingWhatIsInForce,
  noticeBeforeChange,
} from './process/drift.ts';
import { resumableVersion } from './process/half-done.ts';
import { keeperFor, provenUndo, whyNotKept } from './process/kept-plan.ts';
import { keepBaseline } from './process/monitor/baseline.ts';
import { findingsOf, judgeNow } from './process/preflight.ts';
import {
  doing,
  type Project,
  pendingIn,
  reading,
  type Target,
  targetNamed,
} from './process/project.ts';
import { recordRehearsal } from './process/rehearsal-record.ts';
import { rehearseOn } from './process/rehearsals.ts';
import { recordWord, tell, tellTheTeam } from './process/team-notice.ts';
import { closedAt, sleepUntil, startOf, type Wait } from './process/waiting.ts';
import type { JudgedGate, Waiver } from './promotion/gate.ts';
import { closedGates } from './promotion/judge.ts';
import type { RehearsalReport } from './rehearsal/report.ts';

/** What is asked before anything is done. */
export interface PlanQuestion {
  readonly target: Target;
  readonly plan: Plan;
  readonly findings: readonly Finding[];
  readonly gates: readonly JudgedGate[];
  /** Why undo cannot take the plan back although it is on. */
  readonly notKept: readonly string[];
}

/** What is asked when everything was proven and rehearsed. */
export interface FinalQuestion extends PlanQuestion {
  readonly backup: {
    readonly name: string;
    readonly sizeBytes: number;
    readonly restoreMs: number;
  };
  readonly rehearsal: RehearsalReport;
}

/** Who answers the two questions of a guarded environment: a person, or flags. */
export interface Answers {
  /** Is shown the plan before anything runs, and says whether it may; where nobody is to be asked, it may. */
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
  /** How long a transaction goes on trying to get its locks, in milliseconds; a minute if left out. */
  readonly lockPatienceMs?: number | undefined;
  readonly wait?: Wait | undefined;
  /**
   * Goes on with a migration that stopped half-way although its file was corrected since, or although
   * nobody can see what its last statement did: a person has looked.
   */
  readonly resume?: boolean | undefined;
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
  const { guarded } = target.environment;
  const plan = await parsedPlan(await pendingFor(project, target, request));
  if (plan.pending.length === 0) return changeReport(target, plan, { outcome: 'nothing pending' });
  if (plan.late.length > 0) sayLate(project, target, plan);
  // Where nobody is asked and no gate judges, nobody would see them.
  const isJudged = guarded || target.environment.confirm !== 'never' || request.wait !== undefined;
  const findings = isJudged ? await findingsOf(project, plan) : [];
  const { toldBy } = request;
  if (guarded && toldBy !== undefined) await recordWord(project, target, { plan, toldBy });
  const change = { target, request, plan, findings, notKept: whyNotKept(target, plan) };
  return (await waitToChange(project, change)) ?? changeNow(project, change);
}

function changeNow(project: Project, change: Change): Promise<ChangeReport> {
  const { target, request, plan } = change;
  return doing(project, target, { command: 'apply', changes: true }, async () => {
    await assertSamePlan(project, target, { request, plan });
    await noticeBeforeChange(target);
    const { guarded } = target.environment;
    // A gate judges it where there are gates.
    if (!guarded) await assertNoDrift(project, target);
    const report = await keepingWhatIsInForce(project, target, () =>
      guarded
        ? disarmUnlessApplied(project, target, () => promote(project, change))
        : applyAtOnce(project, change),
    );
    const applied = report.outcome === 'applied';
    return journalOutcome(report, applied ? await expectSchemaNow(target) : undefined);
  });
}

interface Change {
  readonly target: Target;
  readonly request: ChangeRequest;
  readonly plan: Plan;
  readonly findings: readonly Finding[];
  readonly notKept: readonly string[];
}

// Whatever can be asked or refused comes before the wait, while the person is there; then everything
// is judged anew, on the plan that was agreed to.
async function waitToChange(project: Project, change: Change): Promise<ChangeReport | undefined> {
  const { target, plan, findings, request } = change;
  const judging = { target, plan, findings, waivers: request.waivers };
  const start = request.wait && (await startOf(project, judging, request.wait));
  if (start === undefined) return undefined;
  const { gates, areClosed } = await closedAt(project, judging, start);
  if (areClosed) return changeReport(target, plan, { outcome: 'refused', gates });
  if (!(await request.answers.plan({ ...change, gates }))) {
    return changeReport(target, plan, { outcome: 'declined', gates });
  }
  await sleepUntil(project, target, start);
  const answers = { ...request.answers, plan: async () => true };
  return changeNow(project, { ...change, request: { ...request, answers } });
}

async function applyAtOnce(project: Project, change: Change): Promise<ChangeReport> {
  const { target, request, plan } = change;
  const { name } = target.environment;
  await reading(project, target, (database) => assertNotFrozen(database, name));
  if (!(await request.answers.plan({ ...change, gates: [] }))) {
    return changeReport(target, plan, { outcome: 'declined' });
  }
  const before = await takeSample(project.context, target.environment);
  const policy = policyOf(target, request);
  const apply = await runPlan(project, target.address, { plan, policy, resume: request.resume });
  const health = await settle(project, target, before);
  return changeReport(target, plan, { outcome: 'applied', apply, ...health });
}

// The order of these lines is the first two promises of the README: nothing is changed before a backup
// was restored and compared, and nothing runs that did not run on that copy with the same digest. The
// gates are judged anew after everything that takes time: a window may have closed meanwhile.
async function promote(project: Project, change: Change): Promise<ChangeReport> {
  const { target, request, plan, findings, notKept } = change;
  const { answers } = request;
  const { confirm, notify } = target.environment;
  const judging = { target, plan, findings, waivers: request.waivers };

  const first = await judgeNow(project, judging);
  const { gates } = first;
  const refusedBefore = (judged: readonly JudgedGate[]): boolean =>
    closedGates(judged, 'before').length > 0;
  if (refusedBefore(gates)) return changeReport(target, plan, { outcome: 'refused', gates });
  if (!(await answers.plan({ ...change, gates }))) {
    return changeReport(target, plan, { outcome: 'declined', gates });
  }
  if (first.evidence.notice === null && notify.length > 0) {
    await tellTheTeam(project, target, plan);
    const told = await judgeNow(project, judging);
    if (refusedBefore(told.gates)) {
      return changeReport(target, plan, { outcome: 'refused', gates: told.gates });
    }
  }

  const pending = planNames(plan);
  const reason = `before ${pending.join(', ')}`;
  const backup = await armOrBackUp(project, target, { reason, plan: plan.digest, pending });
  const { proof, rehearsal, schema } = await withProvenCopy(
    project,
    backup,
    async (copy, proven, server) => {
      const origin = { from: 'backup', name: backup.name, place: server.place } as const;
      const both = { copy, live: target.address };
      const rehearsing = { copy, plan, findings, origin };
      const kept = await keepingSchema(both, () => rehearseOn(project, target, rehearsing));
      return { proof: proven, ...kept };
    },
  );
  await recordRehearsal(project, target, rehearsal);
  const soFar = { backup: backup.name, rehearsal };

  const second = await judgeNow(project, judging, rehearsal);
  if (closedGates(second.gates, 'after rehearsal').length > 0) {
    return changeReport(target, plan, { outcome: 'refused', gates: second.gates, ...soFar });
  }
  const { sizeBytes } = backup.manifest.dump;
  const wayBack = { name: backup.name, sizeBytes, restoreMs: proof.restoreMs };
  const final = { ...change, gates: second.gates, backup: wayBack, rehearsal };
  if (confirm === 'twice' && !(await answers.final(final))) {
    return changeReport(target, plan, { outcome: 'declined', gates: second.gates, ...soFar });
  }
  const last = await judgeNow(project, judging, rehearsal);
  if (closedGates(last.gates, 'after rehearsal').length > 0) {
    return changeReport(target, plan, { outcome: 'refused', gates: last.gates, ...soFar });
  }

  const names = planNames(plan).join(', ');
  await keepBaseline(project, target, names);
  try {
    const { address } = target;
    const apply = await runPlan(project, address, {
      plan,
      keeper: keeperFor(project, target, plan, provenUndo(rehearsal)),
      backup: backup.name,
      policy: policyOf(target, request),
      resume: request.resume,
    });
    const unlike = (await unlikeRehearsal(address, schema)).map(({ sentence }) => sentence);
    const health = await settle(project, target, last.evidence.health);
    await tell(project, target, 'apply done', `${names} is in force`);
    return changeReport(target, plan, {
      outcome: 'applied',
      isArmed: target.environment.rescue.copy !== 'off',
      notKept,
      gates: last.gates,
      ...soFar,
      apply,
      unlikeRehearsal: unlike,
      ...health,
    });
  } catch (failure) {
    await tell(project, target, 'apply failed', messageOf(failure));
    throw failure;
  }
}

async function pendingFor(
  project: Project,
  target: Target,
  { file, resume }: ChangeRequest,
): Promise<Plan<MigrationText>> {
  if (resume !== true) return pendingIn(project, target, { file });
  const migrations = await readMigrations(project.config.migrations);
  const resumed = await reading(project, target, (database) =>
    resumableVersion(database, migrations, target.environment.name),
  );
  return pendingIn(project, target, { file, resumed });
}

// What was typed goes before what the configuration says.
function policyOf({ environment }: Target, { lockPatienceMs }: ChangeRequest): PolicyParts {
  return lockPatienceMs === undefined
    ? environment.apply
    : { ...environment.apply, lockPatienceMs };
}

function runPlan(
  project: Project,
  address: Address,
  options: Pick<ApplyOptions, 'plan' | 'backup' | 'policy' | 'resume' | 'keeper'>,
): Promise<ApplyReport> {
  const { who, host } = project.actor;
  return applyPlan(project.context, { address, appliedBy: `${who}@${host}`, ...options });
}

// After an apply: is the application still well? One that was ill before tells nothing of the apply, so
// it is not waited for.
function settle(
  project: Project,
  { environment, address }: Target,
  before: HealthSample | null,
): Promise<Pick<ChangeReport, 'health' | 'harmed'>> {
  const { context } = project;
  return step(context, `look at the health of ${environment.name}`, async (reporter) => {
    const wasHealthy = before?.healthy === true;
    const take = (): Promise<HealthSample> => takeSample(context, environment);
    const sample = await verifyHealth(context, take, wasHealthy ? healthPatienceMs : 0);
    await using database = await connect(address, { purpose: 'health' });
    await recordSample(database, sample);
    reporter.summary(sample.healthy ? 'healthy' : wasHealthy ? 'NOT healthy' : 'ill as before');
    return { health: sample, harmed: wasHealthy && !sample.healthy };
  });
}

function sayLate({ context }: Project, { environment }: Target, { late }: Plan): void {
  if (environment.outOfOrder !== 'warn') return;
  const text = `older than what is in force in ${environment.name}, and run out of order: ${late.join(', ')}`;
  context.emit({ kind: 'note', text });
}

// Between the first reading of the plan and the change lock somebody else may have applied it.
async function assertSamePlan(
  project: Project,
  target: Target,
  { request, plan }: Pick<Change, 'request' | 'plan'>,
): Promise<void> {
  const now = await pendingFor(project, target, request);
  if (now.digest === plan.digest) return;
  throw new Failure({
    code: 'migration/plan-changed',
    message: `the pending migrations of ${target.environment.name} changed while this command waited`,
    hint: `Look again with \`drydock status\`, then: drydock apply ${target.environment.name}`,
  });
}
