// Brings a version to an environment: the new one loads while the old one still answers, then the
// old one lets go of the port, finishes its requests and ends.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { portOf } from '../environments.ts';
import {
  alone,
  askToStop,
  folderOf,
  type Instance,
  isRunning,
  remember,
  runningInstance,
  start,
  waitForEnd,
} from './instance.ts';

const environment = process.argv[2] ?? '';

await alone(environment, async () => {
  const commit = git('rev-parse', '--verify', `${process.env.DRYDOCK_RELEASE || 'HEAD'}^{commit}`);
  unpack(commit);
  const before = runningInstance(environment);
  const next = await start(environment, commit);
  await switchOver(next, before);
  discardReleasesBut([commit, before?.commit]);
  console.log(
    `${environment}: release ${commit.slice(0, 12)} answers on port ${portOf(environment)} (pid ${next.pid})`,
  );
}).catch((error: Error) => {
  console.error(`${environment}: ${error.message}`);
  process.exitCode = 1;
});

// From here to the end the switch is not given up half-way, whatever signal comes.
async function switchOver(next: Instance, before: Instance | undefined): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
  remember(environment, next);
  if (before !== undefined) {
    askToStop(before);
    // One that hangs is ended by force: it would not let go of the port.
    await waitForEnd(environment, before, 12_000);
  }
  try {
    await answers(next);
  } catch (error) {
    askToStop(next);
    if (before !== undefined) remember(environment, await start(environment, before.commit));
    throw error;
  }
}

async function answers({ commit, pid }: Instance): Promise<void> {
  const deadline = performance.now() + 20_000;
  const address = `http://127.0.0.1:${portOf(environment)}/api/health`;
  while (isRunning(environment, { pid }) && performance.now() < deadline) {
    if ((await releaseAt(address)) === commit) return;
    await sleep(20);
  }
  throw new Error(`release ${commit} does not answer at ${address}: see server.log`);
}

async function releaseAt(address: string): Promise<string | undefined> {
  try {
    const response = await fetch(address, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(1_000),
    });
    return ((await response.json()) as { release?: string }).release;
  } catch {
    return undefined;
  }
}

// Git gives exactly what was committed. The releases lie inside this folder, so Node finds the
// node_modules that they share on its way up.
function unpack(commit: string): void {
  const folder = join(folderOf(environment), commit);
  if (existsSync(folder)) return;
  const half = `${folder}.new`;
  rmSync(half, { recursive: true, force: true });
  mkdirSync(half);
  const archive = execFileSync('git', ['archive', commit], { maxBuffer: 1024 ** 3 });
  execFileSync('tar', ['-x', '-C', half], { input: archive });
  renameSync(half, folder);
}

function discardReleasesBut(kept: readonly (string | undefined)[]): void {
  for (const name of readdirSync(folderOf(environment))) {
    if (!/^[0-9a-f]{40,64}(\.new)?$/.test(name) || kept.includes(name)) continue;
    rmSync(join(folderOf(environment), name), { recursive: true });
  }
}

function git(...args: string[]): string {
  return execFileSync('git', args, { encoding: 'utf8' }).trim();
}
