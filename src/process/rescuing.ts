// Rescue: the database from before the change takes the live one's place, with every write that was
// acknowledged since; only what the migration itself did is left out.

import { step } from '../core/context.ts';
import { formatDuration } from '../core/duration.ts';
import { Failure, withCleanup } from '../core/failure.ts';
import { endRescue, type RescueRun, readOpenRescue } from '../history/rescue-runs.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { whilePaused } from '../postgres/pools.ts';
import { ReplicationSession } from '../postgres/replication.ts';
import { type Comparison, compareRows } from '../rescue/compare.ts';
import { finishCopy, refreshViews } from '../rescue/copy.ts';
import { closeFence, openFence } from '../rescue/fence.ts';
import { imageOf } from '../rescue/image.ts';
import { countSalvage, type SalvageCount } from '../rescue/salvaged.ts';
import { maintenanceAddress } from '../restore/maintenance.ts';
import { freeNames } from '../restore/names.ts';
import { advanceSequences } from '../restore/sequences.ts';
import { swap } from '../restore/swap.ts';
import { notArmed, openDoor } from './disarming.ts';
import { doing, type Project, reading, type Target, targetNamed } from './project.ts';
import { catchUp, ensureCopy, type Following, whileFollowing } from './rescue-copy.ts';
import { carryOver, openPools } from './restoring.ts';
import { isUnsettled, settle } from './settling.ts';

/** What is known when the copy stands ready, in step and compared. */
export interface RescueQuestion {
  readonly target: Target;
  readonly run: Pick<RescueRun, 'backup' | 'begunAt' | 'limits'>;
  /** Changes that were played in this command. */
  readonly played: number;
  readonly comparison: Comparison;
  /** Writes that the old schema cannot hold, by table. */
  readonly salvaged: readonly SalvageCount[];
  /** Name that the live database will have. */
  readonly broken: string;
}

/** What became of a rescue. */
export interface RescueReport {
  readonly environment: string;
  /** `finished`: an earlier one was killed behind its swap, and what was left of it is done. */
  readonly outcome: 'rescued' | 'declined' | 'finished';
  readonly database: string;
  /** Where the old database is now; null when it is still live. */
  readonly broken: string | null;
  /** Null where an earlier command had made it. */
  readonly comparison: Comparison | null;
  readonly salvaged: readonly SalvageCount[];
  /** File of what the old schema cannot hold, as lines of JSON; null when there is nothing. */
  readonly file: string | null;
  /** What is not brought along, as sentences. */
  readonly limits: readonly string[];
  /** How long the applications could not write. */
  readonly pauseMs: number;
  readonly endedSessions: number;
  readonly ms: number;
}

/** A wish to bring the database back from before the last change, with all later writes. */
export interface RescueRequest {
  readonly environment: string;
  readonly reason?: string | undefined;
  /** Swaps although rows differ that nothing explains: a person has looked at the list. */
  readonly acceptUnexplained?: boolean | undefined;
  readonly ask: (question: RescueQuestion) => Promise<boolean>;
}

/**
 * Rescues. Until the swap, which is one transaction, the live database is untouched; whatever fails, it is
 * open again, and the same command goes on.
 *
 * @throws `rescue/not-armed`, `rescue/slot-lost`, `rescue/unforeseen-table`, `rescue/unexplained-rows`,
 *   `rescue/lasting-sessions`, `restore/swap-failed`
 */
export async function rescueEnvironment(
  project: Project,
  request: RescueRequest,
): Promise<RescueReport> {
  const target = targetNamed(project, request.environment);
  const { name } = target.environment;
  await openDoor(project.context, target);
  await openPools(project, target);
  const late = await finished(project, target, request.reason ?? null);
  if (late !== undefined) return late;
  const run = await reading(project, target, readOpenRescue);
  if (run?.state !== 'armed') throw notArmed(name);
  await assertSlotLives(project, target, run);
  return doing(project, target, { command: 'rescue', changes: true }, async () => {
    const startedAt = performance.now();
    await ensureCopy(project, target, run);
    const done = await whileFollowing(project, target, run, (following) =>
      bringIn(project, { target, run, request, following }),
    );
    const file = done.outcome === 'rescued' ? await settle(project, target) : null;
    const ms = Math.round(performance.now() - startedAt);
    const result = { environment: name, database: target.address.database, file, ms, ...done };
    return {
      result,
      refused: done.outcome === 'declined',
      details: {
        broken: result.broken,
        pauseMs: Math.round(result.pauseMs),
        salvaged: result.salvaged,
        reason: request.reason ?? null,
      },
    };
  });
}

interface Rescue {
  readonly target: Target;
  readonly run: RescueRun;
  readonly request: RescueRequest;
  readonly following: Following;
}

async function bringIn(
  project: Project,
  rescue: Rescue,
): Promise<Omit<RescueReport, 'environment' | 'database' | 'file' | 'ms'>> {
  const { target, run, request, following } = rescue;
  const { environment, address } = target;
  await catchUp(project, environment.name, following);
  const comparison = await compare(project, rescue);
  await assertForeseen(rescue);
  if (comparison.unexplained.length > 0 && request.acceptUnexplained !== true) {
    throw unexplained(rescue, comparison);
  }
  const place = await maintenanceAddress(address);
  await using maintenance = await connect(place, { purpose: 'rescue' });
  const names = await freeNames(maintenance, address.database, project.context.clock.now());
  const { broken } = names;
  const salvaged = await countSalvage(following.copy);
  const { limits } = run;
  const { played } = following.replay;
  const rest = { comparison, limits };
  const question = { target, run, played, comparison, salvaged, broken };
  if (!(await request.ask(question))) {
    return { outcome: 'declined', broken: null, salvaged, pauseMs: 0, endedSessions: 0, ...rest };
  }
  await refreshViews(following.copy);
  await catchUp(project, environment.name, following);
  const label = `put the rescued database in the place of ${address.database}`;
  const swapped = await step(project.context, label, async (reporter) => {
    const { pools } = environment;
    const note = (text: string): void => project.context.emit({ kind: 'note', text });
    const began = performance.now();
    const done = await whilePaused({ pools, database: address.database, note }, () =>
      takeOver(project, rescue, { maintenance, broken }),
    );
    const result = pools.length === 0 ? done : { ...done, pauseMs: performance.now() - began };
    reporter.summary(`writes paused for ${formatDuration(result.pauseMs)}`);
    return result;
  });
  return { outcome: 'rescued', broken, ...swapped, ...rest };
}

// At one and the same place of the log: what a slot's snapshot sees is exactly what was committed before it.
async function compare(project: Project, { target, run, following }: Rescue): Promise<Comparison> {
  const { live, copy, replay, follower } = following;
  const { address, environment } = target;
  return await step(project.context, `compare it with ${environment.name}`, async (reporter) => {
    await using session = await ReplicationSession.open(address);
    await using witness = await connect(address, { purpose: 'compare' });
    const pause = follower.pause();
    return await withCleanup(
      async () => {
        const how = { lockTimeoutMs: 30_000, lasting: false };
        const { snapshot, lsn } = await session.createSlot(`${run.slot}_compare_${live.pid}`, how);
        await pause.until(lsn, live);
        const readOnly = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';
        const begin = [readOnly, `SET TRANSACTION SNAPSHOT '${snapshot}'`];
        const sides = { live: witness, copy, before: imageOf(run.image), now: replay.now };
        const found = await witness.transaction(
          () => copy.transaction(() => compareRows(sides), { begin: [readOnly] }),
          { begin },
        );
        const strange = found.unexplained.length;
        reporter.summary(
          `${found.rows} rows, ${strange === 0 ? '0 unexplained' : `${strange} tables with unexplained`} differences`,
        );
        return found;
      },
      async () => pause.goOn(),
    );
  });
}

async function takeOver(
  project: Project,
  { target, run, following, request }: Rescue,
  { maintenance, broken }: { readonly maintenance: Following['live']; readonly broken: string },
): Promise<Pick<RescueReport, 'pauseMs' | 'endedSessions' | 'salvaged'>> {
  const { live, copy, follower } = following;
  const { address } = target;
  const { actor } = project;
  await carryOver(project, target)(copy, live);
  const { pid } = await live.one<{ pid: number }>(
    'SELECT active_pid AS pid FROM pg_replication_slots WHERE slot_name = $1',
    [run.slot],
  );
  const fence = { maintenance, live: address.database, ours: [live.pid, pid] };
  const began = performance.now();
  const endedSessions = await closeFence(fence);
  try {
    await follower.caughtUp(live);
    await advanceSequences(copy, live);
    const salvaged = await countSalvage(copy);
    await finishCopy(copy);
    const by = `${actor.who}@${actor.host}`;
    await endRescue(copy, { state: 'rescued', by, reason: request.reason ?? null });
    const restored = copy.address.database;
    await following.end();
    const names = { live: address.database, liveExists: true, restored, broken };
    await swap({ maintenance: maintenance.address, ...names });
    return { pauseMs: performance.now() - began, endedSessions, salvaged };
  } catch (failure) {
    // Open again, unless it is the broken one by now.
    await openFence(maintenance, address.database);
    throw failure;
  }
}

// A rescue that was killed behind its swap: the names are swapped, and the rest is not done.
async function finished(
  project: Project,
  target: Target,
  reason: string | null,
): Promise<RescueReport | undefined> {
  const { context } = project;
  if (!(await reading(project, target, isUnsettled))) return undefined;
  const { environment, address } = target;
  return doing(project, target, { command: 'rescue', changes: true }, async () => {
    const startedAt = performance.now();
    const file = await step(context, `finish the rescue of ${environment.name}`, () =>
      settle(project, target),
    );
    const ms = Math.round(performance.now() - startedAt);
    const result: RescueReport = {
      environment: environment.name,
      outcome: 'finished',
      database: address.database,
      broken: null,
      comparison: null,
      salvaged: [],
      file,
      limits: [],
      pauseMs: 0,
      endedSessions: 0,
      ms,
    };
    return { result, details: { file, reason } };
  });
}

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

async function assertForeseen({ target, following }: Rescue): Promise<void> {
  const { tables } = await following.copy.one<{ tables: string[] }>(
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

function unexplained({ target }: Rescue, { unexplained: found }: Comparison): Failure {
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
