import { resolve } from 'node:path';
import { shortDigest } from '../../core/digest.ts';
import { Failure } from '../../core/failure.ts';
import { planNames } from '../../migration/plan.ts';
import { askYes, nobodyToAsk } from '../answers.ts';
import { exitCodes } from '../exit-code.ts';
import { type Verb, verb } from '../verb.ts';
import { environmentArgument, migrationArgument } from './arguments.ts';

interface Flags {
  readonly digest?: string;
  readonly key?: string;
  readonly yes?: boolean;
}

export const approve: Verb = verb<Flags>({
  name: 'approve',
  brief: "Approve another person's plan for an environment",
  description:
    'Shows the pending migrations and, when you agree, writes your approval into the journal of the environment. It counts for exactly this plan and this database, and not for an apply of your own. Where the configuration names a file of allowed signers, sign it with --key.',
  args: [environmentArgument, migrationArgument],
  flags: {
    digest: {
      kind: 'text',
      placeholder: 'digest',
      brief: 'Approve only the plan with this digest',
    },
    key: { kind: 'text', placeholder: 'file', brief: 'Sign with this ssh key' },
    yes: { kind: 'switch', brief: 'Agree without being asked' },
  },
  run: async ({ project, flags, cwd, interactive, say }, environment = '', file) => {
    const { approvePlan } = await import('../../process/approving.ts');
    const request = {
      environment,
      file: file?.includes('/') ? resolve(cwd, file) : file,
      keyFile: flags.key === undefined ? undefined : resolve(cwd, flags.key),
    };
    const report = await approvePlan(await project(), request, async ({ target, plan }) => {
      if (flags.digest !== undefined && !plan.digest.startsWith(flags.digest)) {
        throw otherPlan(environment, flags.digest, plan.digest);
      }
      say(`Plan for ${environment}  ${shortDigest(plan.digest)}\n  ${target.address.label}`);
      say(
        planNames(plan)
          .map((name) => `  ${name}`)
          .join('\n'),
      );
      if (flags.yes === true) return true;
      if (!interactive) {
        throw nobodyToAsk({
          whether: `you approve of this plan for ${environment}`,
          command: `drydock approve ${environment} --digest ${shortDigest(plan.digest)} --yes`,
        });
      }
      return askYes(`Do you approve that this plan is applied to ${environment}?`);
    });
    const texts = {
      approved: `Approved for ${environment}: ${shortDigest(report.plan)}.`,
      declined: 'Nothing was approved.',
      'nothing pending': `Nothing is pending in ${environment}.`,
    };
    const exit = report.outcome === 'declined' ? exitCodes.gateClosed : exitCodes.done;
    return { data: report, text: texts[report.outcome], exit };
  },
});

function otherPlan(environment: string, wanted: string, found: string): Failure {
  return new Failure({
    code: 'promotion/other-plan',
    message: `the pending migrations of ${environment} have the digest ${shortDigest(found)}, not ${wanted}`,
    hint: `Look at what changed (drydock status ${environment}); then: drydock approve ${environment} --digest ${shortDigest(found)}`,
  });
}
