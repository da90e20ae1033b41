// Brings a release to an environment by the team's own command.

import type { Environment } from '../config/environment.ts';
import { type Context, step } from '../core/context.ts';
import { formatDuration } from '../core/duration.ts';
import type { Evidence } from '../core/evidence.ts';
import { Failure } from '../core/failure.ts';
import { run } from '../core/process.ts';
import type { HealthSample } from '../history/health-samples.ts';
import type { ReleaseFit } from './fit.ts';
import type { Release } from './release.ts';

/** The evidence of a deploy. */
export interface DeployReport extends Evidence {
  readonly kind: 'deploy';
  readonly environment: string;
  readonly release: Release;
  /** How its migrations fit those of the database; null where that is not known. */
  readonly fit: ReleaseFit | null;
  /** What the probes said afterwards. */
  readonly health: HealthSample;
}

/** The evidence of a rollback. */
export interface RollbackReport extends DeployReport {
  /** What takes the code back in git too, so that the next deploy does not bring it again; null: nothing. */
  readonly revert: string | null;
}

/** What a deploy needs. */
export interface DeployOptions {
  readonly environment: Environment;
  readonly release: Release;
  /** Folder in which the command runs: that of the configuration. */
  readonly folder: string;
  readonly fit: ReleaseFit | null;
  /** Waits for the application to be healthy. */
  readonly verify: () => Promise<HealthSample>;
}

/**
 * Runs the environment's deploy command with `DRYDOCK_ENVIRONMENT` and `DRYDOCK_RELEASE` (a commit)
 * in its environment, then looks at the application's health. Red health is a value: the report says
 * so and the caller decides.
 *
 * @throws `release/no-command`; `release/deploy-failed` and `release/timed-out` with the command's last words
 */
export async function deploy(context: Context, options: DeployOptions): Promise<DeployReport> {
  const { environment, release } = options;
  const command = environment.deploy;
  if (command === undefined) {
    throw new Failure({
      code: 'release/no-command',
      message: `${environment.name} has no deploy command`,
      hint: `Give environments.${environment.name}.deploy in the configuration, such as './scripts/release.sh ${environment.name}'.`,
    });
  }
  const startedAt = context.clock.now().toISOString();
  await step(
    context,
    `deploy ${release.commit.slice(0, 7)} to ${environment.name}`,
    async (reporter) => {
      await runCommand(context, options, { command, told: reporter.progress });
      reporter.summary(release.subject);
    },
  );
  const health = await step(context, `look at the health of ${environment.name}`, options.verify);
  return {
    kind: 'deploy',
    version: 1,
    plan: null,
    startedAt,
    endedAt: context.clock.now().toISOString(),
    outcome: health.healthy ? 'done' : 'failed',
    environment: environment.name,
    release,
    fit: options.fit,
    health,
  };
}

// A shell, because the configuration holds a command line as people type it. What changes from run to run
// travels in variables, where a shell does not read it.
async function runCommand(
  context: Context,
  { environment, release, folder }: DeployOptions,
  { command, told }: { readonly command: string; readonly told: (line: string) => void },
): Promise<void> {
  const said: string[] = [];
  const hear = (line: string): void => {
    said.push(line);
    told(line);
  };
  const limit = AbortSignal.timeout(environment.deployLimitMs);
  const signal = AbortSignal.any([context.signal, limit]);
  const words = (): string => said.slice(-6).join('\n').trim();
  const failed = { environment: environment.name, commit: release.commit.slice(0, 7), words };
  try {
    const { exitCode } = await run('sh', ['-c', command], {
      cwd: folder,
      env: {
        ...process.env,
        DRYDOCK_ENVIRONMENT: environment.name,
        DRYDOCK_RELEASE: release.commit,
      },
      signal,
      onOutputLine: hear,
      onErrorLine: hear,
    });
    if (exitCode === 0) return;
    const what = `ended with status ${exitCode}`;
    throw notDeployed({ ...failed, code: 'release/deploy-failed', what, exitCode });
  } catch (failure) {
    if (!limit.aborted || context.signal.aborted) throw failure;
    const what = `was ended after ${formatDuration(environment.deployLimitMs)}`;
    throw notDeployed({ ...failed, code: 'release/timed-out', what, exitCode: null });
  }
}

function notDeployed(parts: {
  readonly code: string;
  readonly environment: string;
  readonly commit: string;
  readonly what: string;
  readonly exitCode: number | null;
  readonly words: () => string;
}): Failure {
  const { code, environment, commit, what, exitCode } = parts;
  const output = parts.words();
  return new Failure({
    code,
    message: `the deploy command of ${environment} ${what} while it brought ${commit}${output === '' ? '' : `: ${output}`}`,
    hint: `Look at the application with \`drydock health ${environment}\`, mend what the command names, then: drydock deploy ${environment}; or go back with: drydock rollback ${environment}`,
    stateDetail: 'the application may be deployed in part',
    details: { exitCode, output, release: commit },
  });
}
