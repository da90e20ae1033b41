import { plural } from '../render/text.ts';
import { type Verb, verb } from '../verb.ts';
import { environmentArgument, givenReason, reasonFlag } from './arguments.ts';

export const adopt: Verb = verb<{ readonly reason?: string }>({
  name: 'adopt',
  brief: 'Accept a schema that was changed by hand',
  description:
    'Takes the schema of an environment as it is for the one that the last apply left behind, so that the next apply does not stop at it. Nothing but that note is written, and the journal keeps who said so, why, and what was accepted.',
  args: [environmentArgument],
  flags: { reason: reasonFlag },
  run: async ({ project, flags }, environment = '') => {
    const reason = givenReason(flags.reason, `drydock adopt ${environment}`);
    const { adoptSchema } = await import('../../process/acceptance.ts');
    const report = await adoptSchema(await project(), { environment, reason });
    const { accepted } = report;
    return {
      data: report,
      text: [
        `✓ the schema of ${environment} is taken as it is${accepted.length === 0 ? '' : `, with ${plural(accepted.length, 'difference')}:`}`,
        ...accepted.map((difference) => `  – ${difference}`),
      ].join('\n'),
    };
  },
});
