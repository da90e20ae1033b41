// When a process started. A process id alone does not name a process: ids come again, after a restart
// of the machine and in every container.

import { readFile } from 'node:fs/promises';
import { isAlive, run } from './process.ts';

/** When a process of this machine started, in a form that only compares as equal or not. */
export async function startOf(pid: number): Promise<string> {
  // Linux: ticks between the start of the machine and of the process (proc(5), field 22; the second
  // field may hold spaces and brackets). Elsewhere: ps.
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (line !== undefined) {
    const fromThirdField = line.slice(line.lastIndexOf(')') + 2).split(' ');
    return fromThirdField[19] ?? '';
  }
  const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
  const shown = await run('ps', ['-o', 'lstart=', '-p', String(pid)], { env }).catch(
    () => undefined,
  );
  return shown?.stdout.replaceAll(/\W/g, '') ?? '';
}

/** True while that very process runs, and not another one that got its id. */
export async function isRunning(pid: number, startedAt: string): Promise<boolean> {
  return isAlive(pid) && (await startOf(pid)) === startedAt;
}
