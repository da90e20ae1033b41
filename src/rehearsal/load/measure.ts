// The same load twice on the same copy: without the plan, then while it runs.

import { type Context, step } from '../../core/context.ts';
import { formatDuration } from '../../core/duration.ts';
import type { Address } from '../../postgres/address.ts';
import { connect } from '../../postgres/connect.ts';
import { type Load, type Sent, startLoad } from './generate.ts';
import type { LoadFigures, LoadReport } from './report.ts';

/** What is measured. */
export interface MeasureOptions {
  /** A copy on which the plan has not run, and that nobody needs afterwards. */
  readonly copy: Address;
  readonly workload: string;
  readonly load: Load;
  readonly notReplayed: LoadReport['notReplayed'];
  readonly runPlan: () => Promise<unknown>;
}

// Long enough for a 99th percentile of a few hundred statements.
const baselineMs = 3_000;
const afterwardsMs = 500;

/** Measures the stall that sessions really see. */
export async function measureUnderLoad(
  context: Context,
  options: MeasureOptions,
): Promise<LoadReport> {
  const { copy, load, workload, notReplayed, runPlan } = options;
  return await step(context, 'run the plan under load', async (reporter) => {
    const pause = (ms: number): Promise<void> => context.clock.sleep(ms, context.signal);
    reporter.progress('the load alone');
    const without = await loaded(copy, load, () => pause(baselineMs));
    reporter.progress('the load and the plan');
    const running = await loaded(copy, load, async () => {
      await runPlan();
      await pause(afterwardsMs);
    });
    const worst = figuresOf(running);
    reporter.summary(`worst stall ${formatDuration(worst.worstMs)}`);
    return {
      workload,
      connections: load.connections,
      perSecond: load.perSecond,
      without: figuresOf(without),
      with: worst,
      failures: failuresOf(running.sent),
      notReplayed,
    };
  });
}

interface Observed {
  readonly sent: readonly Sent[];
  readonly blockedAtOnce: number;
}

async function loaded(copy: Address, load: Load, work: () => Promise<void>): Promise<Observed> {
  await using watcher = await connect(copy, { purpose: 'load watch' });
  const running = await startLoad(copy, load);
  let blockedAtOnce = 0;
  let watching = true;
  const watch = (async () => {
    while (watching) {
      const { blocked } = await watcher.one<{ blocked: number }>(
        `SELECT count(*)::int AS blocked FROM pg_stat_activity
          WHERE datname = current_database() AND application_name = 'drydock load' AND wait_event_type = 'Lock'`,
      );
      blockedAtOnce = Math.max(blockedAtOnce, blocked);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  let sent: readonly Sent[] = [];
  try {
    await work();
  } finally {
    sent = await running.stop();
    watching = false;
    await watch;
  }
  return { sent, blockedAtOnce };
}

function figuresOf({ sent, blockedAtOnce }: Observed): LoadFigures {
  const times = sent.map(({ ms }) => ms).toSorted((a, b) => a - b);
  const at = (share: number): number => times[Math.ceil(times.length * share) - 1] ?? 0;
  return {
    statements: sent.length,
    worstMs: times.at(-1) ?? 0,
    p99Ms: at(0.99),
    medianMs: at(0.5),
    blockedAtOnce,
    failed: sent.filter(({ failure }) => failure !== null).length,
  };
}

function failuresOf(sent: readonly Sent[]): LoadReport['failures'] {
  const counts = new Map<string, number>();
  for (const { failure } of sent) {
    if (failure !== null) counts.set(failure, (counts.get(failure) ?? 0) + 1);
  }
  return [...counts]
    .map(([message, count]) => ({ message, count }))
    .toSorted((a, b) => b.count - a.count)
    .slice(0, 5);
}
