// Brings a release to an environment by the team's own command.

import type { Environment } from '../config/environment.ts';
import { type Context, step } from '../core/context.ts';
import type { Evidence } from '../core/evidence.ts';
import { Failure } from '../core/failure.ts';
import { run } from '../core/process.ts';
import type { HealthSample } from '../history/health-samples.ts';
import type { Release } from './release.ts';

/** The evidence of a deploy. */
export interface DeployReport extends Evidence {
  readonly kind: 'deploy';
  readonly environment: string;
  readonly release: Release;
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
  /** Waits for the application to be healthy. */
  readonly verify: () => Promise<HealthSample>;
}

/**
 * Runs the environment's deploy command with `DRYDOCK_ENVIRONMENT` and `DRYDOCK_RELEASE` (a commit)
 * in its environment, then looks at the application's health. Red health is a value: the report says
 * so and the caller decides.
 *
 * @throws `release/no-command`, `release/deploy-failed` with the command's last words
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
      // A shell, because the configuration holds a command line as people type it. What changes from
      // run to run travels in variables, where a shell does not read it.
      const { exitCode, stdout, stderr } = await run('sh', ['-c', command], {
        cwd: options.folder,
        env: {
          ...process.env,
          DRYDOCK_ENVIRONMENT: environment.name,
          DRYDOCK_RELEASE: release.commit,
        },
        signal: context.signal,
        onOutputLine: reporter.progress,
      });
      if (exitCode !== 0) throw deployFailed(environment.name, exitCode, stderr || stdout);
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
    health,
  };
}

function deployFailed(environment: string, exitCode: number, output: string): Failure {
  const said = output.trim().split('\n').slice(-6).join('\n');
  return new Failure({
    code: 'release/deploy-failed',
    message: `the deploy command of ${environment} ended with status ${exitCode}${said === '' ? '' : `: ${said}`}`,
    hint: `Mend what it names, then: drydock deploy ${environment}; or go back with: drydock rollback ${environment}`,
    details: { exitCode, output: said },
  });
}
