// Rescue: the database from before the change takes the live one's place, with every write that was
// acknowledged since; only what the migration itself did is left out.

import { step } from '../core/context.ts';
import { formatDuration } from '../core/duration.ts';
import { endRescue, type RescueRun, readOpenRescue } from '../history/rescue-runs.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { swapWhilePaused } from '../postgres/pools.ts';
import { closeEnoughMs } from '../rescue/closing-in.ts';
import { type Comparison, compareRows } from '../rescue/compare.ts';
import { finishCopy, refreshViews } from '../rescue/copy.ts';
import { closeFence, openFence, untilLeft } from '../rescue/fence.ts';
import { imageOf } from '../rescue/image.ts';
import { countSalvage, type SalvageCount } from '../rescue/salvaged.ts';
import { maintenanceAddress } from '../restore/maintenance.ts';
import { freeNames } from '../restore/names.ts';
import { advanceSequences } from '../restore/sequences.ts';
import { swap } from '../restore/swap.ts';
import { notArmed, openDoor } from './disarming.ts';
import { doing, type Project, reading, type Target, targetNamed } from './project.ts';
import { assertForeseen, assertTold, unexplained } from './rescue-conditions.ts';
import {
  catchUp,
  comeVeryClose,
  ensureCopy,
  type Following,
  whileFollowing,
} from './rescue-copy.ts';
import { carryOver, openPools } from './restoring.ts';
import { isUnsettled, settle } from './settling.ts';

/** What is known when the copy stands ready, in step and compared. */
export interface RescueQuestion {
  readonly target: Target;
  readonly run: Pick<RescueRun, 'backup' | 'begunAt' | 'limits'>;
  /** Changes that were played in this command. */
  readonly played: number;
  /** How far behind the copy is, in milliseconds, where writes come as fast as they are played. */
  readonly behindMs: number;
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
 * @throws `rescue/not-armed`, `rescue/slot-lost`, `rescue/capture-lost`, `rescue/unforeseen-table`, `rescue/unexplained-rows`,
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
  await assertTold(project, target, run);
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
  const behindMs = await catchUp(project, environment.name, following);
  const comparison = await compare(project, rescue);
  await assertForeseen(target, following.copy);
  if (comparison.unexplained.length > 0 && request.acceptUnexplained !== true) {
    throw unexplained(target, comparison);
  }
  const place = await maintenanceAddress(address);
  await using maintenance = await connect(place, { purpose: 'rescue' });
  const names = await freeNames(maintenance, address.database, project.context.clock.now());
  const { broken } = names;
  const salvaged = await countSalvage(following.copy);
  const { limits } = run;
  const { played } = following.replay;
  const rest = { comparison, limits };
  const question = { target, run, played, behindMs, comparison, salvaged, broken };
  if (!(await request.ask(question))) {
    return { outcome: 'declined', broken: null, salvaged, pauseMs: 0, endedSessions: 0, ...rest };
  }
  await refreshViews(following.copy);
  const stillBehindMs = await catchUp(project, environment.name, following);
  const label = `put the rescued database in the place of ${address.database}`;
  const swapped = await step(project.context, label, async (reporter) => {
    const { pools } = environment;
    const note = (text: string): void => project.context.emit({ kind: 'note', text });
    // All that can be done before writes wait; what little sequences move on until then is left.
    const { live, copy } = following;
    await carryOver(project, target)(copy, live);
    await advanceSequences(copy, live);
    await using renamer = await connect(place, { purpose: 'swap' });
    if (stillBehindMs < closeEnoughMs) await comeVeryClose(following);
    const result = await swapWhilePaused({ pools, database: address.database, note }, () =>
      takeOver(project, rescue, { maintenance, renamer, broken }),
    );
    reporter.summary(`writes paused for ${formatDuration(result.pauseMs)}`);
    return result;
  });
  return { outcome: 'rescued', broken, ...swapped, ...rest };
}

// At one and the same place: what the snapshot sees is exactly what the copy has.
async function compare(project: Project, { target, run, following }: Rescue): Promise<Comparison> {
  const { live, copy, replay, follower } = following;
  const { address, environment } = target;
  return await step(project.context, `compare it with ${environment.name}`, (reporter) =>
    follower.atOnePlace(live, async (snapshot) => {
      await using witness = await connect(address, { purpose: 'compare' });
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
    }),
  );
}

async function takeOver(
  project: Project,
  { target, following, request }: Rescue,
  how: { readonly maintenance: Database; readonly renamer: Database; readonly broken: string },
): Promise<Pick<RescueReport, 'pauseMs' | 'endedSessions' | 'salvaged'>> {
  const { maintenance, renamer, broken } = how;
  const { live, copy, follower } = following;
  const { address } = target;
  const { actor } = project;
  const ours = [live.pid, ...(await follower.sessions(live))];
  const fence = { maintenance, live: address.database, ours };
  const began = performance.now();
  const endedSessions = await closeFence(fence);
  try {
    await follower.caughtUp(live);
    // Nothing more will come.
    const followed = following.leave();
    followed.catch(() => {});
    await advanceSequences(copy, live);
    const salvaged = await countSalvage(copy);
    await finishCopy(copy);
    const by = `${actor.who}@${actor.host}`;
    await endRescue(copy, { state: 'rescued', by, reason: request.reason ?? null });
    const restored = copy.address.database;
    await followed;
    await Promise.all([live.close(), copy.close()]);
    await untilLeft(maintenance, [address.database, restored]);
    const names = { live: address.database, liveExists: true, restored, broken };
    await swap({ renamer, ender: maintenance, ...names });
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
