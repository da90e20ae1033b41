// Stops the application of an environment after its last request.

import { alone, askToStop, forget, runningInstance, waitForEnd } from './instance.ts';

const environment = process.argv[2] ?? '';

await alone(environment, async () => {
  const instance = runningInstance(environment);
  if (instance !== undefined) {
    askToStop(instance);
    await waitForEnd(environment, instance, 12_000);
  }
  forget(environment);
  console.log(`${environment}: ${instance === undefined ? 'nothing was running' : 'stopped'}`);
}).catch((error: Error) => {
  console.error(`${environment}: ${error.message}`);
  process.exitCode = 1;
});
