// How long a transaction waits for a lock, and how long it pauses before it tries again.
//
// While DDL waits for a lock, everything that comes after it on the table waits too: readers stall for
// about the lock timeout. Short waits spare them; growing ones get through on a busy table (measured
// with 12 clients: 50 ms kept the worst read at 52 ms, but 100 ms never got the lock between
// overlapping readers of 100 to 500 ms, where 500 ms did).

/** One try's figures, in milliseconds. */
export interface LockWait {
  readonly lockTimeoutMs: number;
  readonly pauseMs: number;
}

const firstTimeoutMs = 50;
const longestTimeoutMs = 500;
const longestPauseMs = 2_000;

/**
 * The figures of a try. Timeouts grow by half from try to try; pauses grow likewise, with a random
 * part so that two waiting sessions do not meet again and again.
 */
export function nextLockWait(retries: number, random: () => number = Math.random): LockWait {
  const grown = firstTimeoutMs * 1.5 ** Math.min(retries, 20);
  return {
    lockTimeoutMs: Math.round(Math.min(grown, longestTimeoutMs)),
    pauseMs: Math.round(Math.min(grown * 2, longestPauseMs) * (0.5 + random() / 2)),
  };
}
