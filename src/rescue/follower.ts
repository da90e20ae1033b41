// Keeps the copy of an armed database in step, whatever tells what is written there: the stream of a
// replication slot, or the log of triggers.

import { Failure, messageOf } from '../core/failure.ts';
import type { Database } from '../postgres/connect.ts';

/** Follows until it is closed. */
export interface Follower extends AsyncDisposable {
  /** Resolves when everything that was committed before this call is committed in the copy too. */
  caughtUp(live: Database): Promise<void>;
  /**
   * Works while the copy has exactly what one snapshot of the live database sees.
   *
   * @param work is given that snapshot, exported
   */
  atOnePlace<T>(live: Database, work: (snapshot: string) => Promise<T>): Promise<T>;
  /** Its own server processes on the live database: a fence leaves them alone. */
  sessions(live: Database): Promise<readonly number[]>;
  /** Resolves when following has ended; rejects when it has failed. */
  readonly ended: Promise<void>;
}

/** The failure of a follower. Another command ends it when it takes over; and networks break. */
export function followingEnded(error: unknown, what: string): unknown {
  if (error instanceof Failure && error.code === 'interrupted') return error;
  return new Failure({
    code: 'rescue/stream-ended',
    message: `${what} ended: ${messageOf(error)}`,
    hint: 'Another command may have taken it over: look with drydock status. Else the same command goes on where this one was.',
    cause: error,
  });
}
