// The one error class of Drydock. What a careful user expects (findings, a closed gate, a red probe)
// is a value and never comes through here: a Failure means that a step could not be done.

/** What is true of the database that the failed step was about. Always the first words shown. */
export type DatabaseState = 'untouched' | 'rolled-back' | 'changed' | 'unknown';

/** What a {@link Failure} is made of. */
export interface FailureParts {
  /** `area/what`, for programs: stable for ever, mapped to an exit status in `cli/exit-code.ts`. */
  readonly code: string;
  /** Lower case, no full stop: what went wrong with which object. */
  readonly message: string;
  /** A full sentence with the exact command to type next. */
  readonly hint: string;
  /** Facts for programs and for `--json`: JSON-serialisable, free of secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly databaseState?: DatabaseState;
  /**
   * Says which statements are in force when the state is `changed`, and what else was begun when the
   * database is `untouched`.
   */
  readonly stateDetail?: string;
  readonly cause?: unknown;
}

/**
 * A step that could not be done.
 *
 * @example
 * throw new Failure({
 *   code: 'backup/checksum-mismatch',
 *   message: `the file ${path} is not the one its manifest describes`,
 *   hint: 'Choose another backup: drydock backups production.',
 * });
 */
export class Failure extends Error {
  readonly code: string;
  readonly hint: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly databaseState: DatabaseState;
  readonly stateDetail: string | undefined;
  /** Clean-ups that failed after this failure: told beside it, never instead of it. */
  readonly alsoFailed: unknown[] = [];

  constructor(parts: FailureParts) {
    super(parts.message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.name = 'Failure';
    this.code = parts.code;
    this.hint = parts.hint;
    this.details = parts.details ?? {};
    this.databaseState = parts.databaseState ?? 'untouched';
    this.stateDetail = parts.stateDetail;
  }

  /** The same failure with another verdict about the database, for the step that knows better. */
  withState(databaseState: DatabaseState, stateDetail?: string): Failure {
    const { code, message, hint, details, cause } = this;
    const copy = new Failure({
      code,
      message,
      hint,
      details,
      databaseState,
      ...(stateDetail === undefined ? {} : { stateDetail }),
      ...(cause === undefined ? {} : { cause }),
    });
    copy.alsoFailed.push(...this.alsoFailed);
    return copy;
  }
}

/** The first words of every failure: the state of the database. */
export function stateSentence(failure: Pick<Failure, 'databaseState' | 'stateDetail'>): string {
  const detail = failure.stateDetail;
  switch (failure.databaseState) {
    case 'untouched':
      return detail === undefined
        ? 'Nothing was changed.'
        : `The database was not changed; ${detail}.`;
    case 'rolled-back':
      return 'The change was rolled back.';
    case 'changed':
      return detail === undefined
        ? 'The database was changed.'
        : `The database was changed: ${detail}.`;
    case 'unknown':
      return detail === undefined
        ? 'The state of the database is not known.'
        : `The state of the database is not known: ${detail}.`;
  }
}

/** Runs the clean-up after `work`; a failed clean-up is joined to the first failure. */
export async function withCleanup<T>(
  work: () => Promise<T>,
  cleanup: () => Promise<void>,
): Promise<T> {
  let result: T;
  try {
    result = await work();
  } catch (failure) {
    try {
      await cleanup();
    } catch (second) {
      if (failure instanceof Failure) failure.alsoFailed.push(second);
    }
    throw failure;
  }
  await cleanup();
  return result;
}

/** The text of anything thrown, for a message that must name a foreign error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
