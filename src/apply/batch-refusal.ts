// The one failure for statements that batches would turn into something else.

import { Failure } from '../core/failure.ts';

/** The failure `apply/cannot-be-batched`, with its reason and a way on. */
export function cannotBeBatched(why: string, hint: string): Failure {
  return new Failure({
    code: 'apply/cannot-be-batched',
    message: `this statement cannot be run in batches: ${why}`,
    hint,
  });
}
