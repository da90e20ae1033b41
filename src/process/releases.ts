// The application beside the database: bringing a release to an environment, going back to the one
// before, and looking at its health.

import { Failure, messageOf } from '../core/failure.ts';
import { takeSample } from '../health/sample.ts';
import { verifyHealth } from '../health/verify.ts';
import { assertNotFrozen } from '../history/freeze.ts';
import { type HealthSample, recordSample } from '../history/health-samples.ts';
import { readJournal } from '../history/journal.ts';
import { readLedger } from '../history/ledger.ts';
import { assertMarker } from '../history/marker.ts';
import { connect } from '../postgres/connect.ts';
import { type DeployReport, deploy, type RollbackReport } from '../release/deploy.ts';
import { fitOf, type ReleaseFit } from '../release/fit.ts';
import { previousRelease, releaseInForce } from '../release/previous.ts';
import { findRelease, migrationsAt, type Release, revertCommand } from '../release/release.ts';
import { keepBaselineIfNone } from './monitor/baseline.ts';
import { doing, type Project, reading, type Target, targetNamed } from './project.ts';

const healthPatienceMs = 30_000;

/**
 * Deploys a release, then judges it by the application's health.
 *
 * @throws `promotion/frozen`, `release/migrations-missing`, `release/cannot-live`, `release/unknown-revision`,
 *   `release/timed-out`, `release/no-command`, `release/deploy-failed`
 */
export async function deployRelease(
  project: Project,
  request: {
    readonly environment: string;
    readonly revision?: string | undefined;
    /** Goes on although migrations of the release are not in force, or its like broke on newer ones. */
    readonly unfit?: boolean | undefined;
  },
): Promise<DeployReport> {
  const target = targetNamed(project, request.environment);
  await reading(project, target, (database) => assertNotFrozen(database, request.environment));
  const release = await releaseNamed(project, request.revision ?? 'HEAD');
  const fit = await fitNow(project, target, release);
  if (fit !== null && request.unfit !== true) assertFits(target, release, fit);
  return bring(project, { target, release, fit, command: 'deploy' });
}

/**
 * Deploys the newest release that was healthy before the one in force.
 *
 * @throws `release/no-earlier-release`, and what {@link deployRelease} throws
 */
export async function rollBackRelease(
  project: Project,
  request: { readonly environment: string },
): Promise<RollbackReport> {
  const target = targetNamed(project, request.environment);
  const journal = await reading(project, target, readJournal);
  const commit = previousRelease(journal);
  if (commit === undefined) {
    throw new Failure({
      code: 'release/no-earlier-release',
      message: `the journal of ${request.environment} has no earlier healthy release`,
      hint: `Name the commit yourself: drydock deploy ${request.environment} --release COMMIT`,
    });
  }
  const release = await releaseNamed(project, commit);
  // Told and not judged: nothing may stand in the way of an emergency.
  const fit = await fitNow(project, target, release);
  const report = await bring(project, { target, release, fit, command: 'rollback' });
  const left = releaseInForce(journal) ?? commit;
  return { ...report, revert: await revertCommand(project.config.root, { left, back: commit }) };
}

/** Asks every probe of an environment once and keeps the sample. */
export async function lookAtHealth(project: Project, name: string): Promise<HealthSample> {
  const target = targetNamed(project, name);
  const sample = await takeSample(project.context, target.environment);
  await keepSample(project, target, sample);
  return sample;
}

/** Waits until an environment is healthy, or says that it is not, and keeps the last sample. */
export async function waitForHealth(project: Project, name: string): Promise<HealthSample> {
  const target = targetNamed(project, name);
  const sample = await verify(project, target);
  await keepSample(project, target, sample);
  return sample;
}

function verify({ context }: Project, { environment }: Target): Promise<HealthSample> {
  return verifyHealth(context, () => takeSample(context, environment), healthPatienceMs);
}

async function bring(
  project: Project,
  request: {
    readonly target: Target;
    readonly release: Release;
    readonly fit: ReleaseFit | null;
    readonly command: 'deploy' | 'rollback';
  },
): Promise<DeployReport> {
  const { context, config } = project;
  const { target, release, fit, command } = request;
  const { environment } = target;
  return doing(project, target, { command, changes: false }, async () => {
    // Not before a rollback: what is to go away must not become the measure.
    if (command === 'deploy') {
      await keepBaselineIfNone(project, target, `deploy ${release.commit.slice(0, 7)}`);
    }
    const result = await deploy(context, {
      environment,
      release,
      fit,
      folder: config.root,
      verify: () => verify(project, target),
    });
    await keepSample(project, target, result.health);
    return {
      result,
      details: {
        release: release.commit,
        subject: release.subject,
        healthy: result.health.healthy,
        ...(fit === null ? {} : { missing: fit.missing, ahead: fit.ahead }),
      },
    };
  });
}

async function fitNow(
  project: Project,
  target: Target,
  { commit }: Release,
): Promise<ReleaseFit | null> {
  const { config, context } = project;
  const migrations = await migrationsAt(config.migrations, commit);
  const { ledger, journal } = await reading(project, target, async (database) => ({
    ledger: await readLedger(database),
    journal: await readJournal(database),
  }));
  const fit = fitOf({ migrations, ledger, journal }) ?? null;
  for (const text of fit === null ? [] : fitNotes(fit)) context.emit({ kind: 'note', text });
  return fit;
}

function fitNotes({ takenBack, untried, problems }: ReleaseFit): readonly string[] {
  return [
    ...(takenBack.length === 0
      ? []
      : [`It has migrations that were taken back here: ${takenBack.join(', ')}`]),
    ...(untried.length === 0
      ? []
      : [`It does not know ${untried.join(', ')}, and no query was tried with that`]),
    ...problems.map(
      (problem) => `With the schema of now something broke in the rehearsal: ${problem}`,
    ),
  ];
}

function assertFits({ environment }: Target, { commit }: Release, fit: ReleaseFit): void {
  const { name } = environment;
  const which = `release ${commit.slice(0, 7)}`;
  const anyway = `drydock deploy ${name} --unfit`;
  const [problem] = fit.problems;
  if (fit.missing.length > 0) {
    throw new Failure({
      code: 'release/migrations-missing',
      message: `${which} has migrations that are not in force in ${name}: ${fit.missing.join(', ')}`,
      hint: `Apply them first: drydock apply ${name}; where they are to come after the code, go on with: ${anyway}`,
      details: { missing: fit.missing },
    });
  }
  if (problem !== undefined) {
    throw new Failure({
      code: 'release/cannot-live',
      message: `${which} does not know ${fit.ahead.join(', ')}, and in the rehearsal something broke with that: ${problem}`,
      hint: `Deploy a release that knows them; or go on all the same with: ${anyway}`,
      details: { ahead: fit.ahead, problems: fit.problems },
    });
  }
}

async function releaseNamed(project: Project, revision: string): Promise<Release> {
  const release = await findRelease(project.config.root, revision);
  if (release !== undefined) return release;
  throw new Failure({
    code: 'release/unknown-revision',
    message: `git knows no revision ${revision} in ${project.config.root}`,
    hint: 'Commit the code first, for a release is a commit; or name another revision with --release.',
  });
}

// A database that cannot be reached cannot keep the sample that says so: the command shows it.
async function keepSample(
  { context }: Project,
  target: Target,
  sample: HealthSample,
): Promise<void> {
  if (!reached(sample)) return;
  await using database = await connect(target.address, { purpose: 'health' });
  // The soak is judged by the samples: those of one environment must not land in another.
  if ((await assertMarker(database, target.environment.name)) === undefined) return;
  await recordSample(database, sample).catch((failure: unknown) => {
    const text = `The sample was not kept, so that no soak can count it: ${messageOf(failure)}`;
    context.emit({ kind: 'note', text });
  });
}

function reached(sample: HealthSample): boolean {
  return sample.probes.some(({ probe, healthy }) => probe === 'database' && healthy);
}
