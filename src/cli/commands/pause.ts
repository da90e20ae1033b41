import { moment } from '../render/moment.ts';
import { type Verb, verb } from '../verb.ts';
import { environmentArgument } from './arguments.ts';

export const pause: Verb = verb({
  name: 'pause',
  brief: 'Let the batches of a running backfill rest',
  description:
    'Lets no further batch begin in an environment: the apply that runs them finishes the batch at hand and waits, with nothing locked, until `drydock resume`. Everything else of an apply goes on.',
  args: [environmentArgument],
  run: async ({ project }, environment = '') => {
    const { pauseBatches } = await import('../../process/pausing.ts');
    const found = await pauseBatches(await project(), environment);
    return {
      data: { environment, pause: found ?? null },
      text: `batches rest in ${environment} since ${moment(found?.at ?? null)} (${found?.by}): drydock resume ${environment}`,
    };
  },
});

export const resume: Verb = verb({
  name: 'resume',
  brief: 'Let the batches of a backfill go on',
  description: 'Ends what `drydock pause` began: the apply that waits goes on within a second.',
  args: [environmentArgument],
  run: async ({ project }, environment = '') => {
    const { resumeBatches } = await import('../../process/pausing.ts');
    const found = await resumeBatches(await project(), environment);
    return {
      data: { environment, ended: found ?? null },
      text:
        found === undefined
          ? `batches were not paused in ${environment}`
          : `batches may run in ${environment} again`,
    };
  },
});
