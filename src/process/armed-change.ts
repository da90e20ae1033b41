// A change that is armed first: its backup is the snapshot from which every write is followed.

import { readOpenRescue } from '../history/rescue-runs.ts';
import { arm } from './arming.ts';
import { takeBackup } from './backing-up.ts';
import type { ChangeReport } from './change-report.ts';
import { disarm } from './disarming.ts';
import type { NewBackup } from './keeping.ts';
import { type Project, reading, type Target } from './project.ts';

/** Takes the backup of a change; where a rescue is configured, armed with it. */
export async function armOrBackUp(
  project: Project,
  target: Target,
  how: { readonly reason: string; readonly plan: string; readonly pending: readonly string[] },
): Promise<NewBackup> {
  const { copy } = target.environment.rescue;
  if (copy === 'off') return await takeBackup(project, target, how);
  // A rescue goes back to before the last change alone.
  const earlier = await reading(project, target, readOpenRescue);
  if (earlier !== undefined) await disarm(project, target, 'another change follows');
  const { backup } = await arm(project, target, { ...how, isWarm: copy === 'warm' });
  return backup;
}

/**
 * Gives the rescue up again where nothing was changed. A change that failed stays armed: some of it may be
 * in force.
 */
export async function disarmUnlessApplied(
  project: Project,
  target: Target,
  change: () => Promise<ChangeReport>,
): Promise<ChangeReport> {
  if (target.environment.rescue.copy === 'off') return await change();
  const open = async (): Promise<string | undefined> =>
    (await reading(project, target, readOpenRescue))?.id;
  const before = await open();
  const report = await change();
  const after = report.outcome === 'applied' ? before : await open();
  if (after !== undefined && after !== before)
    await disarm(project, target, 'the change was not made');
  return report;
}
