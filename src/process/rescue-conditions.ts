// What forbids a rescue: a log that the server has given up, tables whose changes cannot be told apart, rows
// that differ and that nothing explains.

import { formatBytes } from '../core/duration.ts';
import { Failure } from '../core/failure.ts';
import type { RescueRun } from '../history/rescue-runs.ts';
import { connect, type Database } from '../postgres/connect.ts';
import type { Comparison } from '../rescue/compare.ts';
import { readLog } from '../rescue/watch.ts';
import { type Project, reading, type Target } from './project.ts';

/**
 * Refuses where nothing tells any more what was written since.
 *
 * @throws `rescue/slot-lost`, `rescue/capture-lost`
 */
export async function assertTold(project: Project, target: Target, run: RescueRun): Promise<void> {
  if (run.capture === 'stream') return await assertSlotLives(project, target, run);
  const { isLost, bytes, limitBytes } = await reading(project, target, readLog);
  if (!isLost) return;
  const { name } = target.environment;
  const why =
    bytes > limitBytes
      ? `their log had reached ${formatBytes(limitBytes)}`
      : 'a table lost its triggers, or somebody has begun to disarm it';
  throw new Failure({
    code: 'rescue/capture-lost',
    message: `not everything that was written in ${name} since ${run.begunAt.toISOString()} was captured by triggers: ${why}`,
    hint: `Give the way up: drydock disarm ${name}. The other ways back: drydock recover ${name}`,
  });
}

// Ends the session that reads the slot now.
async function assertSlotLives(
  project: Project,
  target: Target,
  { slot, begunAt }: RescueRun,
): Promise<void> {
  const [found] = await reading(project, target, (database) =>
    database.query<{ lost: boolean; reader: number | null }>(
      `SELECT wal_status = 'lost' AS lost, active_pid AS reader FROM pg_replication_slots WHERE slot_name = $1`,
      [slot],
    ),
  );
  if (found !== undefined && !found.lost) {
    // Somebody keeps the copy in step; from here on it is this command.
    if (found.reader !== null) {
      await using database = await connect(target.address, { purpose: 'rescue' });
      await untilFree(project, database, slot);
    }
    return;
  }
  const { name } = target.environment;
  throw new Failure({
    code: 'rescue/slot-lost',
    message: `what was written in ${name} since ${begunAt.toISOString()} can no longer be played: the server has given up the log of slot ${slot}`,
    hint: `Give the way up: drydock disarm ${name}. The other ways back: drydock recover ${name}`,
  });
}

// The session of a command that was killed ends a moment later than the command.
async function untilFree({ context }: Project, database: Database, slot: string): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const readers = await database.query(
      'SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1 AND active',
      [slot],
    );
    if (readers.length === 0) return;
    await context.clock.sleep(100, context.signal);
  }
}

/**
 * Refuses where the migration has touched tables whose changes cannot be told apart.
 *
 * @throws `rescue/unforeseen-table`
 */
export async function assertForeseen(target: Target, copy: Database): Promise<void> {
  const { tables } = await copy.one<{ tables: string[] }>(
    'SELECT unforeseen AS tables FROM drydock_replay.progress',
  );
  if (tables.length === 0) return;
  const { name } = target.environment;
  throw new Failure({
    code: 'rescue/unforeseen-table',
    message: `the migration has touched ${tables.join(', ')}, whose rows are too wide for whole old rows in the log: which values are the application's cannot be told there`,
    hint: `The other ways back: drydock recover ${name}`,
    details: { tables },
  });
}

/** The failure for differences that nothing explains. */
export function unexplained(target: Target, { unexplained: found }: Comparison): Failure {
  const { name } = target.environment;
  const said = found
    .slice(0, 3)
    .map(({ table, rows, examples }) =>
      rows === null ? table : `${rows} rows of ${table} (${examples.slice(0, 3).join(', ')})`,
    )
    .join('; ');
  return new Failure({
    code: 'rescue/unexplained-rows',
    message: `rows differ that neither the migration nor the old schema explains: ${said}`,
    hint: `Look at them on both sides; when they may be as they are in the rescued one: drydock rescue ${name} --accept-unexplained`,
    details: { unexplained: found },
  });
}
