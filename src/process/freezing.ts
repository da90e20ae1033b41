// Freezing an environment: from then on nothing is promoted to it. The ways back stay open.

import { readFreeze } from '../history/freeze.ts';
import { doing, type Project, reading, type Target, targetNamed } from './project.ts';

/** A wish to freeze an environment, or to end that. */
export interface FreezeRequest {
  readonly environment: string;
  readonly freeze: boolean;
  readonly reason: string;
}

/** What became of it. */
export interface FreezeReport {
  readonly environment: string;
  readonly frozen: boolean;
  readonly reason: string;
  /** False when it was so already. */
  readonly changed: boolean;
}

/** Freezes an environment or ends its freeze. Never waits for another command. */
export async function setFreeze(project: Project, request: FreezeRequest): Promise<FreezeReport> {
  const { environment, freeze, reason } = request;
  const target = targetNamed(project, environment);
  const report = { environment, frozen: freeze, reason };
  if (!freeze && !(await isFrozen(project, target))) return { ...report, changed: false };
  const command = freeze ? 'freeze' : 'unfreeze';
  return doing(project, target, { command, changes: false }, async () => ({
    result: { ...report, changed: true },
    details: { reason },
  }));
}

async function isFrozen(project: Project, target: Target): Promise<boolean> {
  return (await reading(project, target, readFreeze)) !== null;
}
