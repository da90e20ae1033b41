// What runs beside the story: the developer's `npm run dev:watch`, and live traffic on production.

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BackgroundProcess, startBackground } from '../../core/process.ts';
import { type Stage, urlOf } from './stage.ts';

/** The bystanders, at work until they are sent away. */
export interface Bystanders {
  /** Where the traffic writes down which writes were acknowledged. */
  readonly acknowledged: string;
  stopTraffic(): Promise<void>;
  sendAway(): Promise<void>;
}

/** Starts both. */
export async function startBystanders(stage: Stage, users: number): Promise<Bystanders> {
  const acknowledged = join(stage.folder, 'acknowledged-writes.txt');
  const requests = [
    `node --import jiti/register scripts/traffic.ts --url ${urlOf(stage, 'production')}`,
    `--users ${users} --seconds 3600 --acknowledged ${acknowledged}`,
  ];
  const watch = await startBeside(stage, 'npm run dev:watch');
  const traffic = await startBeside(stage, requests.join(' '));
  return {
    acknowledged,
    stopTraffic: () => traffic.endInput(),
    sendAway: async () => {
      await Promise.all([watch.endInput(), traffic.endInput()]);
    },
  };
}

// Ends with the pipe to its standard input, and so with the demo, however that ends.
function startBeside(stage: Stage, command: string): Promise<BackgroundProcess> {
  const { backend: cwd, variables: env } = stage;
  const line = `trap : TERM; ${command} & read -r _; kill 0; wait`;
  return startBackground('sh', ['-c', line], { cwd, env, stdio: ['pipe', 'ignore', 'ignore'] });
}

/** Waits until the application of an environment is well and runs code for this migration. */
export async function untilReady(
  stage: Stage,
  environment: 'dev' | 'staging' | 'production',
  { requires, signal }: { readonly requires: string; readonly signal: AbortSignal },
): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (performance.now() < deadline) {
    if ((await codeAt(`${urlOf(stage, environment)}/api/health/detailed`)) === requires) return;
    await sleep(100, undefined, { signal });
  }
}

async function codeAt(address: string): Promise<string | undefined> {
  try {
    const response = await fetch(address, { headers: { connection: 'close' } });
    const { checks } = (await response.json()) as { checks: { ledger: { requires?: string } } };
    return response.status === 200 ? checks.ledger.requires : undefined;
  } catch {
    return undefined;
  }
}
