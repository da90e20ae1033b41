// The time by which a change is judged and waited for: that of the server it goes to. A machine whose
// clock is wrong must neither open a gate nor close one.

import { formatDuration } from '../core/duration.ts';
import { serverTime } from '../postgres/server-time.ts';
import { type Project, reading, type Target } from './project.ts';

/** The time now, on the server of an environment and on this machine. */
export interface Clocks {
  readonly server: Date;
  readonly machine: Date;
}

/** Reads both clocks. */
export function readClocks(project: Project, target: Target): Promise<Clocks> {
  const { clock } = project.context;
  return reading(project, target, async (database) => ({
    server: await clock.ofServer(() => serverTime(database)),
    machine: clock.now(),
  }));
}

const toldFromMs = 60_000;

/** What to say of two clocks; undefined while they differ by no more than a minute. */
export function clockNote({ server, machine }: Clocks, environment: string): string | undefined {
  const aheadMs = machine.getTime() - server.getTime();
  if (Math.abs(aheadMs) <= toldFromMs) return undefined;
  const by = formatDuration(Math.abs(aheadMs));
  const how = aheadMs > 0 ? 'ahead of' : 'behind';
  return `The clock of this machine is ${by} ${how} that of the server of ${environment}: gates are judged by the server's`;
}
