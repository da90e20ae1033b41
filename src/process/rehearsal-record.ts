// What the journal keeps of a rehearsal before an apply. It is written before anything is changed: the
// way back must be at hand even when the apply is killed.

import { queryProblems } from '../rehearsal/queries/problems.ts';
import type { RehearsalReport } from '../rehearsal/report.ts';
import { doing, type Project, type Target } from './project.ts';

/** Writes the proven way back and the verdicts of a rehearsal into the journal. */
export async function recordRehearsal(
  project: Project,
  target: Target,
  { plan, copy, totalMs, queries, oldCode, wayBack }: RehearsalReport,
): Promise<void> {
  await doing(
    project,
    target,
    { command: 'rehearse', backup: copy.name, changes: false },
    async () => ({
      result: undefined,
      ...(plan === null ? {} : { plan }),
      details: {
        totalMs: Math.round(totalMs),
        checked: queries?.checked ?? 0,
        problems: queryProblems({ ...(queries && { queries }), ...(oldCode && { oldCode }) }),
        ...(wayBack === undefined
          ? {}
          : {
              wayBack: {
                ...wayBack,
                ms: wayBack.ms === null ? null : Math.round(wayBack.ms),
                losses: wayBack.losses.map(({ sentence }) => sentence),
              },
            }),
      },
    }),
  );
}
