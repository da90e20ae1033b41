// A failure with the line of the file beside the statement that failed.

import { Failure } from '../core/failure.ts';

/** The failure with its line among the details. */
export function atLine(failure: unknown, line: number): unknown {
  if (!(failure instanceof Failure)) return failure;
  return new Failure({
    code: failure.code,
    message: failure.message,
    hint: failure.hint,
    details: { ...failure.details, line },
    databaseState: failure.databaseState,
    cause: failure.cause,
  });
}
