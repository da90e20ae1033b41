// Keeps the copy of an armed environment in step until somebody stops it, so that a rescue has little left to
// play. It gives the rescue up before the log that it holds endangers the server.

import { step, throwIfInterrupted } from '../core/context.ts';
import { formatBytes } from '../core/duration.ts';
import { Failure } from '../core/failure.ts';
import { readOpenRescue } from '../history/rescue-runs.ts';
import { followingEnded } from '../rescue/follower.ts';
import { armedNow } from './armed-now.ts';
import { notArmed } from './disarming.ts';
import { giveUp, whyGiveUp } from './giving-up.ts';
import { type Project, reading, targetNamed } from './project.ts';
import { ensureCopy, whileFollowing } from './rescue-copy.ts';

const lookEveryMs = 1_000;

/**
 * Follows until the signal fires.
 *
 * @throws `interrupted`, `rescue/not-armed`, `rescue/given-up`, `rescue/stream-ended`
 */
export async function followEnvironment(project: Project, name: string): Promise<void> {
  const { context } = project;
  const target = targetNamed(project, name);
  const run = await reading(project, target, readOpenRescue);
  if (run?.state !== 'armed') throw notArmed(name);
  await ensureCopy(project, target, run);
  await step(context, `keep the copy of ${name} in step`, async (reporter) => {
    const end = await whileFollowing(project, target, run, async ({ live, replay, follower }) => {
      for (;;) {
        const rest = new Promise<'rest'>((resolve) => {
          setTimeout(() => resolve('rest'), lookEveryMs);
        });
        if ((await Promise.race([rest, follower.ended, stopped(context.signal)])) !== 'rest') {
          return null;
        }
        // A rescue that takes over ends this session too, and maybe first.
        const now = await armedNow(live).catch((error: unknown) => {
          throw followingEnded(error, `following ${name}`);
        });
        if (now === null) return null;
        if (whyGiveUp(now) !== null) return 'given up';
        reporter.progress(`${replay.played} changes, ${formatBytes(now.heldBytes)} of log held`);
      }
    });
    throwIfInterrupted(context.signal);
    const given = end === null ? undefined : await giveUp(project, target);
    if (given === undefined) return;
    throw new Failure({
      code: 'rescue/given-up',
      message: `${name} was disarmed: ${given.why}`,
      hint: `The other ways back: drydock recover ${name}. To begin anew: drydock arm ${name}`,
    });
  });
}

function stopped(signal: AbortSignal): Promise<'stopped'> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve('stopped');
    signal.addEventListener('abort', () => resolve('stopped'), { once: true });
  });
}
