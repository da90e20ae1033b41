// A monitoring for people: a table while it runs on a terminal, a line for each change elsewhere.

import { styleText } from 'node:util';
import { formatDuration } from '../../core/duration.ts';
import type { HealthSample } from '../../history/health-samples.ts';
import type { MonitorReport, MonitorTimes } from '../../process/monitor/monitor.ts';
import type { WatchState } from '../../process/monitor/watch-once.ts';
import { moment } from './moment.ts';
import { plural, wrap, wrapLines } from './text.ts';

/** How an environment stands, at 80 columns. */
export function renderWatch(environment: string, state: WatchState, times: MonitorTimes): string {
  const { change, newest } = state;
  const what = change === null ? '' : `  ${change.what}`;
  const leftMs = Math.max(0, times.until.getTime() - newest.at.getTime());
  return [
    `${styleText('bold', environment)}${cut(what, 80 - environment.length)}`,
    ...probeLines(newest),
    ...wrapLines([tally(state), ...warnings(environment, state)], 2).split('\n'),
    `${formatDuration(leftMs)} left, every ${formatDuration(times.everyMs)}. Ctrl-C stops; the same command goes on.`,
  ].join('\n');
}

/** What is new since the round before, a line each. */
export function newsOf(
  environment: string,
  state: WatchState,
  last: WatchState | undefined,
): readonly string[] {
  const { newest, incident } = state;
  const at = moment(newest.at);
  const wasHealthy = new Map(
    last?.newest.probes.map(({ probe, healthy }) => [probe, healthy] as const),
  );
  const first = `${at}  ${mark(newest.healthy)} ${environment} is ${newest.healthy ? 'green' : 'RED'}: ${plural(newest.probes.length, 'probe')}${state.change === null ? '' : `, after ${state.change.what}`}`;
  const changed = newest.probes
    .filter(({ probe, healthy }) => (wasHealthy.get(probe) ?? true) !== healthy)
    .map(({ probe, healthy, figure }) => `${at}  ${mark(healthy)} ${probe}: ${figure}`);
  const before = last?.incident ?? null;
  const begun = incident !== null && before === null;
  return [
    ...(last === undefined ? [first] : []),
    ...changed,
    ...(begun ? [`${at}  ${mark(false)} incident: ${incidentSentence(environment, state)}`] : []),
    ...(incident === null && before !== null ? [`${at}  ${mark(true)} the incident is over`] : []),
  ];
}

/** What a monitoring has seen, at its end. */
export function renderMonitor(report: MonitorReport): string {
  const { environment, newest, green, ended, until, everyMs } = report;
  const verdict = green
    ? `${environment} is green${ended === 'over' ? ', and its monitoring is over' : ''}.`
    : newest.healthy
      ? `${environment} is green again, but was red in its monitoring.`
      : `${environment} is RED.`;
  const leftMs = until.getTime() - newest.at.getTime();
  const goOn =
    ended !== 'stopped' || leftMs <= 0
      ? []
      : [`Stopped with ${formatDuration(leftMs)} left. Go on: drydock monitor ${environment}`];
  return [
    ...probeLines(newest),
    ...wrapLines([
      `${verdict} ${tally(report)}`,
      ...warnings(environment, report),
      ...unsavedLine(report, ended),
      ...(ended === 'once' || leftMs <= 0
        ? []
        : [`Watched every ${formatDuration(everyMs)}, until ${moment(until)}.`]),
    ]).split('\n'),
    ...goOn,
    ...(report.next === null ? [] : [`→ ${report.next}`]),
  ].join('\n');
}

function probeLines({ probes }: HealthSample): readonly string[] {
  const width = Math.max(...probes.map(({ probe }) => probe.length));
  return probes.flatMap(({ probe, healthy, figure }) =>
    wrap(figure, 80 - width - 4)
      .map((part) => cut(part, 80 - width - 4))
      .map((part, index) =>
        index === 0
          ? `${mark(healthy)} ${probe.padEnd(width)}  ${part}`
          : `${' '.repeat(width + 4)}${part}`,
      ),
  );
}

// A line that the terminal itself breaks is two, and the table could not be written over.
function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

function tally({ samples, red, baselineAt, change }: WatchState): string {
  const since = change === null ? '' : ` since ${change.what}`;
  const baseline = baselineAt === null ? 'no baseline yet' : `baseline of ${moment(baselineAt)}`;
  return `${plural(samples, 'sample')}${since}, ${red} red; ${baseline}.`;
}

function warnings(environment: string, state: WatchState): readonly string[] {
  const { incident, freeze, redInARow, newest } = state;
  return [
    ...(incident === null ? [] : [`Incident: ${incidentSentence(environment, state)}`]),
    ...(incident === null && redInARow > 0 && !newest.healthy
      ? [`${redInARow} red in a row; people are told when it goes on.`]
      : []),
    ...(freeze === null || incident !== null
      ? []
      : [`Frozen by ${freeze.by}: drydock unfreeze ${environment} --reason "why it may go on"`]),
  ];
}

function incidentSentence(environment: string, { incident, freeze, unsaved }: WatchState): string {
  if (incident === null) return '';
  const told = incident.told === '' ? 'no webhook took the message' : `told ${incident.told}`;
  const frozen =
    freeze === null
      ? unsaved > 0
        ? 'frozen when the database is back'
        : 'not frozen'
      : `frozen until drydock unfreeze ${environment} --reason "why it may go on"`;
  return `red since ${moment(incident.since)}; ${told}; ${frozen}.`;
}

function unsavedLine({ unsaved }: WatchState, ended: MonitorReport['ended']): readonly string[] {
  if (unsaved === 0) return [];
  const nobody = ended === 'once' ? ' and nobody was paged: one look remembers nothing' : '';
  return [`The database could not keep ${plural(unsaved, 'sample')}${nobody}.`];
}

function mark(healthy: boolean): string {
  return healthy ? styleText('green', '✓') : styleText('red', '✗');
}
