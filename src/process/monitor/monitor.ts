// Watching an environment after a change: a sample every minute for a day, and an answer when it turns red.

import { Failure } from '../../core/failure.ts';
import { type Project, targetNamed } from '../project.ts';
import { type Watch, type WatchState, watchOnce } from './watch-once.ts';

/** A wish to watch. */
export interface MonitorRequest {
  readonly environment: string;
  /** How long after the newest change; the configuration's when left out. */
  readonly forMs?: number | undefined;
  /** How often; the configuration's when left out. */
  readonly everyMs?: number | undefined;
  /** One round, for a scheduler that comes again. */
  readonly once?: boolean | undefined;
}

/** The times of a monitoring. */
export interface MonitorTimes {
  readonly everyMs: number;
  /** When it is over. */
  readonly until: Date;
}

/** What was seen. */
export interface MonitorReport extends WatchState, MonitorTimes {
  readonly environment: string;
  /** Why it ended: after one round, because the time was over, or by Ctrl-C. */
  readonly ended: 'once' | 'over' | 'stopped';
  /** The newest sample is green, no incident is open, and where the time is over there was none. */
  readonly green: boolean;
  /** The command to type next; null when nothing is wrong. */
  readonly next: string | null;
}

/**
 * Watches an environment until the time is over, or for one round. Goes on where an earlier one stopped.
 *
 * @param show told of every round
 * @throws `history/wrong-environment`, `history/may-not-install`; `interrupted` when it was stopped before its
 *   first round was done
 * @example
 * const { green } = await monitor(project, { environment: 'production', once: true });
 */
export async function monitor(
  project: Project,
  request: MonitorRequest,
  show: (state: WatchState, times: MonitorTimes) => void = () => {},
): Promise<MonitorReport> {
  const target = targetNamed(project, request.environment);
  const { clock, signal } = project.context;
  const rules = target.environment.monitor;
  const { everyMs = rules.everyMs, forMs = rules.forMs, once = false } = request;
  const watch: Watch = {
    project,
    // Ctrl-C ends a look, and not an answer: a message that the journal does not have would be sent again.
    steady: { ...project, context: { ...project.context, signal: new AbortController().signal } },
    target,
    forMs,
    startedAt: clock.now(),
    lasting: !once,
    prepared: false,
    unsaved: [],
    unwritten: undefined,
    state: undefined,
  };
  const report = (state: WatchState, ended: MonitorReport['ended']): MonitorReport => {
    const { newest, incident, incidents } = state;
    const green = newest.healthy && incident === null && (ended !== 'over' || incidents === 0);
    const next =
      newest.healthy && incident === null ? null : `drydock recover ${target.environment.name}`;
    const until = endOf(watch, state);
    return { ...state, environment: target.environment.name, everyMs, until, ended, green, next };
  };
  try {
    for (;;) {
      const begunAt = clock.now().getTime();
      const state = await watchOnce(watch);
      const until = endOf(watch, state);
      show(state, { everyMs, until });
      if (once) return report(state, 'once');
      const leftMs = until.getTime() - clock.now().getTime();
      if (leftMs <= 0) return report(state, 'over');
      const restMs = begunAt + everyMs - clock.now().getTime();
      await clock.sleep(Math.max(0, Math.min(restMs, leftMs)), signal);
    }
  } catch (failure) {
    const wasStopped = failure instanceof Failure && failure.code === 'interrupted';
    if (!wasStopped || watch.state === undefined) throw failure;
    return report(watch.state, 'stopped');
  }
}

function endOf({ startedAt, forMs }: Watch, { change }: WatchState): Date {
  return new Date((change?.at ?? startedAt).getTime() + forMs);
}
