import { Failure } from '../../core/failure.ts';
import type { MonitorReport, MonitorTimes } from '../../process/monitor/monitor.ts';
import type { WatchState } from '../../process/monitor/watch-once.ts';
import type { Project } from '../../process/project.ts';
import { exitCodes } from '../exit-code.ts';
import { liveBlock } from '../render/live.ts';
import { newsOf, renderMonitor, renderWatch } from '../render/monitor.ts';
import { type CommandInput, type Verb, verb } from '../verb.ts';
import { environmentArgument, givenDuration } from './arguments.ts';

interface Flags {
  readonly every?: string;
  readonly for?: string;
  readonly once?: boolean;
}

export const monitor: Verb = verb<Flags>({
  name: 'monitor',
  brief: 'Watch an environment after a change, for 24 hours',
  description:
    'Asks the health address and the database every minute, until the newest migration or deploy is 24 hours old, and keeps every sample in the environment. Two red samples in a row page people by the webhooks and freeze the environment; it takes back by itself only what onRed in the configuration names, and only where no write is lost. Stopped, it goes on where it was. Exit 9 when something is red.',
  args: [environmentArgument],
  flags: {
    every: { kind: 'text', placeholder: 'duration', brief: 'How often (default: 1m)' },
    for: {
      kind: 'text',
      placeholder: 'duration',
      brief: 'How long after the newest change (default: 24h)',
    },
    once: { kind: 'switch', brief: 'One look, for a scheduler such as cron' },
  },
  run: async (input, environment = '') => {
    const { flags } = input;
    const request = {
      environment,
      everyMs: everyOf(flags.every),
      forMs: givenDuration('--for', flags.for),
      once: flags.once,
    };
    const { monitor: watch } = await import('../../process/monitor/monitor.ts');
    const shown = flags.once === true ? silently() : input.interactive ? live() : byLine(input);
    const project = shown.over(await input.project());
    const report = await watch(project, request, (state, times) =>
      shown.show(environment, state, times),
    ).finally(() => shown.close());
    return { data: report, text: renderMonitor(report), exit: exitOf(report) };
  },
});

/** How rounds are shown as they come. */
interface Shown {
  /** The same project, whose notes come where they do not disturb. */
  over(project: Project): Project;
  show(environment: string, state: WatchState, times: MonitorTimes): void;
  close(): void;
}

function silently(): Shown {
  return { over: (project) => project, show: () => {}, close: () => {} };
}

function byLine({ say }: CommandInput<Flags>): Shown {
  let last: WatchState | undefined;
  return {
    ...silently(),
    show: (environment, state) => {
      for (const line of newsOf(environment, state, last)) say(line);
      last = state;
    },
  };
}

function live(): Shown {
  const block = liveBlock(process.stdout);
  let last: WatchState | undefined;
  return {
    over: (project) => ({
      ...project,
      context: {
        ...project.context,
        emit: (event) => (event.kind === 'note' ? block.line(`  ${event.text}`) : undefined),
      },
    }),
    show: (environment, state, times) => {
      // What changed stays above the table, which shows only how it is now.
      const news = last === undefined ? [] : newsOf(environment, state, last);
      for (const line of news) block.line(line);
      block.show(renderWatch(environment, state, times));
      last = state;
    },
    close: () => block.close(),
  };
}

function exitOf({ ended, green }: MonitorReport): number {
  if (ended === 'stopped') return exitCodes.interrupted;
  return green ? exitCodes.done : exitCodes.unhealthy;
}

function everyOf(text: string | undefined): number | undefined {
  const ms = givenDuration('--every', text);
  if (ms !== 0) return ms;
  throw new Failure({
    code: 'usage/bad-duration',
    message: `--every ${text} is no time at all`,
    hint: 'Write a time between two looks: --every 1m',
  });
}
