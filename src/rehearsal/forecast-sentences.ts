// A forecast in words, the same for the terminal, the merge request and the page.

import { formatBytes, formatDuration } from '../core/duration.ts';
import { thousands } from '../core/thousands.ts';
import type { Forecast, ForecastLock } from './forecast.ts';

/** What a lock of the plan would do: `holds ACCESS EXCLUSIVE on users for about 4.1 s; …`. */
export function lockSentence(lock: ForecastLock): string {
  const { mode, relation, ms } = lock;
  const time = ms < 1 ? 'under 1 ms' : `about ${formatDuration(ms)}`;
  const holds =
    mode === 'ROWS'
      ? `keeps the rows that it changes in ${relation} locked for ${time}`
      : `holds ${mode} on ${relation} for ${time}`;
  return `${holds}; ${waitingClause(lock)}`;
}

function waitingClause({ blocks, perSecond, waiting }: ForecastLock): string {
  if (perSecond === null || waiting === null) return 'how many would wait is not known';
  const what = blocks === 'writes' ? 'writes' : 'queries';
  if (perSecond < 0.05) return `no ${blocks === 'writes' ? 'writes' : 'traffic'} on it now`;
  const rate = perSecond < 10 ? perSecond.toFixed(1) : thousands(Math.round(perSecond));
  const count = waiting === 0 ? 'hardly one' : `about ${thousands(waiting)}`;
  return `at ${rate} ${what} a second ${count} would wait`;
}

/** What the plan as a whole would do: its time, its log, the space that it needs. */
export function planSentences(forecast: Forecast): readonly string[] {
  const { environment, totalMs, walBytes, diskBytes } = forecast;
  return [
    `The whole plan takes about ${formatDuration(totalMs)}.`,
    `It writes about ${formatBytes(Math.round(walBytes))} of write-ahead log${logClause(forecast)}.`,
    `It needs about ${formatBytes(Math.round(diskBytes))} of disk beside what is there${diskClause(forecast)}.`,
    ...(environment !== null && environment.oldestTransactionMs > longTransactionMs
      ? [
          `The oldest open transaction there is ${formatDuration(environment.oldestTransactionMs)} old: if it holds a table of the plan, the plan waits for it.`,
        ]
      : []),
  ];
}

const longTransactionMs = 60_000;

function logClause({ environment, walBytes }: Forecast): string {
  const slots = environment?.slots ?? [];
  const lost = slots.filter(
    ({ behindBytes, limitBytes }) => limitBytes !== null && behindBytes + walBytes > limitBytes,
  );
  if (lost.length > 0) {
    return `: more than the replication ${lost.length === 1 ? 'slot' : 'slots'} ${lost.map(({ name }) => name).join(', ')} may fall behind, which would be lost`;
  }
  const behind = [...slots, ...(environment?.replicas ?? [])].map(
    ({ name, behindBytes }) => `${name}, which is ${formatBytes(Math.round(behindBytes))} behind`,
  );
  return behind.length === 0 ? '' : `, all of which goes to ${behind.join(', and ')}`;
}

function diskClause(forecast: Forecast): string {
  const free = forecast.environment?.freeDiskBytes;
  if (free === undefined || free === null) return '; how much is free there is not known from here';
  return isDiskTooSmall(forecast)
    ? `, and only ${formatBytes(free)} ${'is'} free`
    : `; ${formatBytes(free)} is free`;
}

/** True where the plan needs more disk than is known to be free. */
export function isDiskTooSmall({ environment, diskBytes }: Forecast): boolean {
  const free = environment?.freeDiskBytes ?? null;
  return free !== null && diskBytes > free;
}
