import { exitCodes } from '../exit-code.ts';
import { renderHealth } from '../render/health.ts';
import { type Verb, verb } from '../verb.ts';
import { environmentArgument } from './arguments.ts';

export const health: Verb = verb({
  name: 'health',
  brief: 'Ask the database and the application how they are',
  description:
    'Asks every probe once: can the database be reached and does anybody wait for a lock, does the health address answer 200. The sample is kept in the environment, where the soak is judged by it. Exit 9 when something is red.',
  args: [environmentArgument],
  run: async ({ project }, environment = '') => {
    const { lookAtHealth } = await import('../../process/releases.ts');
    const sample = await lookAtHealth(await project(), environment);
    return {
      data: { environment, ...sample },
      text: renderHealth(environment, sample),
      exit: sample.healthy ? exitCodes.done : exitCodes.unhealthy,
    };
  },
});
