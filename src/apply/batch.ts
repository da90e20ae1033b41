// One statement that is run in batches, each a transaction of its own.

import { Failure } from '../core/failure.ts';
import type { StepResult, StepRun } from './step-run.ts';

/**
 * Runs the statement of a step of the kind `batch`, then writes its ledger row.
 *
 * @throws `apply/batch-not-yet`
 */
export async function runBatches({ step }: StepRun): Promise<StepResult> {
  throw new Failure({
    code: 'apply/batch-not-yet',
    message: `line ${step.statements[0]?.line}: this version of Drydock runs no batches yet`,
    hint: 'Take the comment `-- drydock: batch` away, and run the statement in pieces of your own.',
  });
}
