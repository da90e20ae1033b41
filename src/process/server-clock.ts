// The time by which a change is judged and waited for: that of the server it goes to. A machine whose
// clock is wrong must neither open a gate nor close one.

import type { Context } from '../core/context.ts';
import { formatDuration } from '../core/duration.ts';
import type { Database } from '../postgres/connect.ts';
import { serverTime } from '../postgres/server-time.ts';
import { type Project, reading, type Target } from './project.ts';

/** The time now, on the server of an environment and on this machine. */
export interface Clocks {
  readonly server: Date;
  readonly machine: Date;
}

/** Reads both clocks. */
export function readClocks(project: Project, target: Target): Promise<Clocks> {
  return reading(project, target, (database) => clocksOf(project.context, database));
}

/** The same by a session that is there. */
export async function clocksOf({ clock }: Context, database: Database): Promise<Clocks> {
  return { server: await clock.ofServer(() => serverTime(database)), machine: clock.now() };
}

const toldFromMs = 60_000;

/** What to say of two clocks; undefined while they differ by no more than a minute. */
export function clockNote({ server, machine }: Clocks, environment: string): string | undefined {
  const aheadMs = machine.getTime() - server.getTime();
  if (Math.abs(aheadMs) <= toldFromMs) return undefined;
  const by = formatDuration(Math.abs(aheadMs));
  const how = aheadMs > 0 ? 'ahead of' : 'behind';
  return `The clock of this machine is ${by} ${how} that of the server of ${environment}: gates, waits and samples go by the server's`;
}

// Gates are judged several times in one command, and a monitoring looks all day: it is said once.
const said = new WeakMap<Context, Set<string>>();

/** Says that two clocks differ, where they do. */
export function sayClocks(context: Context, environment: string, clocks: Clocks): void {
  const told = said.get(context) ?? new Set();
  const text = clockNote(clocks, environment);
  if (text === undefined || told.has(environment)) return;
  said.set(context, told.add(environment));
  context.emit({ kind: 'note', text });
}
