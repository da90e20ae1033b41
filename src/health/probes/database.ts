// Asks the database for one row, and how many sessions wait for a lock meanwhile.

import { Failure, messageOf } from '../../core/failure.ts';
import type { ProbeResult } from '../../history/health-samples.ts';
import type { Address } from '../../postgres/address.ts';
import { connect } from '../../postgres/connect.ts';

/** Connects and reads once. A database that cannot be reached is a result, not an error. */
export async function probeDatabase(address: Address, signal?: AbortSignal): Promise<ProbeResult> {
  const startedAt = performance.now();
  try {
    await using database = await connect(address, {
      purpose: 'health',
      ...(signal === undefined ? {} : { signal }),
    });
    const { waiting } = await database.one<{ waiting: number }>(
      `SELECT count(*)::int AS waiting FROM pg_stat_activity
       WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    const ms = Math.round(performance.now() - startedAt);
    return {
      probe: 'database',
      healthy: true,
      answered: true,
      figure: `answers in ${ms} ms, ${waiting === 0 ? 'nobody waits' : `${waiting} wait`} for a lock`,
    };
  } catch (error) {
    if (error instanceof Failure && error.code === 'interrupted') throw error;
    return { probe: 'database', healthy: false, answered: false, figure: messageOf(error) };
  }
}
