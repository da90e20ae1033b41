// Clients of a database at work, as an application is, for the benches.

import { importSource } from './import-source.mjs';

const { connect } = await importSource('src/postgres/connect.ts');

/**
 * Starts sessions that do one piece of work after another until they are stopped.
 *
 * @param work what a session does, given the session and a number of its own that grows
 * @param pauseMs rest between two pieces, on average
 * @returns `taken()`: what each piece since the last `reset()` took, as `{ at, tookMs }`; `stop()`
 */
export function startClients(address, { count, pauseMs, work }) {
  let taken = [];
  let isRunning = true;
  const client = async (number) => {
    const session = await connect(address, { purpose: 'load' });
    for (let turn = number; isRunning; turn += count) {
      const at = performance.now();
      await work(session, turn);
      taken.push({ at, tookMs: performance.now() - at });
      if (pauseMs > 0) await pause(pauseMs * (0.5 + Math.random()));
    }
    await session.close();
  };
  const all = Promise.all(Array.from({ length: count }, (_, number) => client(number)));
  // Told by stop(): what ends the bench is worth more than a session that it takes along.
  all.catch(() => {});
  return {
    taken: () => taken,
    reset: () => {
      taken = [];
    },
    stop: async () => {
      isRunning = false;
      await all;
    },
  };
}

/** What so large a part of the pieces stayed below, in milliseconds. */
export function percentile(taken, part) {
  const sorted = taken.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}

/** The longest piece, in milliseconds. */
export function worst(taken) {
  // Not Math.max(...): there are more pieces than a call takes arguments.
  return taken.reduce((most, { tookMs }) => Math.max(most, tookMs), 0);
}

/** Waits so many milliseconds. */
export function pause(durationMs) {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
