// A change that waits: for a time that was named, for the window, or for both. What will keep it from
// happening is told before the wait and not after it.

import { step } from '../core/context.ts';
import { formatDuration } from '../core/duration.ts';
import { Failure } from '../core/failure.ts';
import type { JudgedGate } from '../promotion/gate.ts';
import { closedGates } from '../promotion/judge.ts';
import { nextOpening } from '../promotion/window.ts';
import { type Judging, judgeNow } from './preflight.ts';
import type { Project, Target } from './project.ts';
import { readClocks } from './server-clock.ts';

/** What a change waits for. */
export interface Wait {
  /** Not before that time. */
  readonly notBefore: Date | undefined;
  /** Not outside the environment's window. */
  readonly forWindow: boolean;
}

// A machine that was asleep meanwhile wakes up to the right time only if it looks at the clock often.
const lookMs = 15_000;

/**
 * When the change may begin; undefined when it need not wait.
 *
 * @throws `promotion/never-in-window` when no window opens within a year
 */
export async function startOf(
  project: Project,
  { target }: Judging,
  wait: Wait,
): Promise<Date | undefined> {
  const { server: now } = await readClocks(project, target);
  const { name, hours } = target.environment;
  const earliest = wait.notBefore === undefined || wait.notBefore < now ? now : wait.notBefore;
  const start = wait.forWindow ? nextOpening(hours, earliest) : earliest;
  if (start === undefined) throw neverInWindow(name);
  return start <= now ? undefined : start;
}

/** The gates that will be closed at that time as far as can be known now. */
export async function closedAt(
  project: Project,
  judging: Judging,
  start: Date,
): Promise<{ readonly gates: readonly JudgedGate[]; readonly areClosed: boolean }> {
  if (!judging.target.environment.guarded) return { gates: [], areClosed: false };
  const { gates } = await judgeNow(project, { ...judging, at: start });
  return { gates, areClosed: closedGates(gates, 'before').length > 0 };
}

/**
 * Sleeps until then, by the clock of the server: it is asked before and after, and no lock and no session
 * is held meanwhile.
 */
export async function sleepUntil(project: Project, target: Target, start: Date): Promise<void> {
  const { context } = project;
  await step(context, `wait until ${start.toLocaleString()}`, async (reporter) => {
    for (;;) {
      const { server, machine } = await readClocks(project, target);
      const end = machine.getTime() + (start.getTime() - server.getTime());
      if (end <= machine.getTime()) return;
      for (;;) {
        const leftMs = end - context.clock.now().getTime();
        if (leftMs <= 0) break;
        reporter.progress(`${formatDuration(Math.max(leftMs, 1_000))} left`);
        await context.clock.sleep(Math.min(leftMs, lookMs), context.signal);
      }
    }
  });
}

function neverInWindow(environment: string): Failure {
  return new Failure({
    code: 'promotion/never-in-window',
    message: `no window of ${environment} opens within a year`,
    hint: `Look at environments.${environment}.window and .blackouts in the configuration.`,
  });
}
