import { exitCodes } from '../exit-code.ts';
import { renderDeploy } from '../render/deploy.ts';
import { type Verb, verb } from '../verb.ts';
import { environmentArgument } from './arguments.ts';

export const deploy: Verb = verb<{ readonly release?: string; readonly unfit?: boolean }>({
  name: 'deploy',
  brief: 'Bring a release of the application to an environment',
  description:
    "Refuses a release whose migrations (the migrations folder at its commit) are not in force, or that does not know newer ones with which the rehearsal saw queries break. Then runs the environment's deploy command with DRYDOCK_ENVIRONMENT and DRYDOCK_RELEASE (a commit), waits until the health address answers 200, and keeps both in the journal. Exit 9 when the application is not healthy afterwards, or the command failed or took longer than `deployLimit`.",
  args: [environmentArgument],
  flags: {
    release: { kind: 'text', placeholder: 'revision', brief: 'A commit or tag (default: HEAD)' },
    unfit: { kind: 'switch', brief: 'Deploy although its migrations and the database do not fit' },
  },
  run: async ({ project, flags }, environment = '') => {
    const { deployRelease } = await import('../../process/releases.ts');
    const report = await deployRelease(await project(), {
      environment,
      revision: flags.release,
      unfit: flags.unfit,
    });
    return {
      data: report,
      text: renderDeploy(report),
      exit: report.health.healthy ? exitCodes.done : exitCodes.unhealthy,
    };
  },
});
