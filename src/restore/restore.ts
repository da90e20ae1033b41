// Brings a backup back: beside the live database first, and in its place only when everything in it
// was compared. The live database is never written to; it is kept under another name.

import type { Backup } from '../backup/manifest.ts';
import { type Context, step } from '../core/context.ts';
import { formatDuration } from '../core/duration.ts';
import type { Evidence } from '../core/evidence.ts';
import { Failure, messageOf } from '../core/failure.ts';
import type { Address } from '../postgres/address.ts';
import { connect, type Database } from '../postgres/connect.ts';
import type { UnfilledView } from '../postgres/fill-views.ts';
import { swapWhilePaused } from '../postgres/pools.ts';
import { fill } from './build.ts';
import { checkTheWay } from './check-the-way.ts';
import { estimateLoss, type LossEstimate } from './loss.ts';
import { maintenanceAddress } from './maintenance.ts';
import { findLeftovers, freeNames, type Leftover, type RestoreNames } from './names.ts';
import { dropDatabase, inNewDatabase } from './new-database.ts';
import { preflight } from './preflight.ts';
import { restoredEvidence } from './restored-evidence.ts';
import { advanceSequences } from './sequences.ts';
import { swap } from './swap.ts';

/** What is known when the restored database stands ready beside the live one. */
export interface SwapQuestion {
  readonly environment: string;
  readonly database: string;
  readonly backup: Backup;
  /** Name that the live database will have; null when it is gone. */
  readonly broken: string | null;
  /** Null when the live database cannot be read. */
  readonly loss: LossEstimate | null;
  /** Materialised views that would be empty, and why. */
  readonly unfilled: readonly UnfilledView[];
}

/** What is restored, and where. */
export interface RestoreOptions {
  readonly environment: string;
  readonly live: Address;
  readonly backup: Backup;
  /**
   * Brings into the restored database what must survive a restore (journal and marker). `broken` is
   * the live database, undefined when it cannot be read.
   */
  readonly carryOver: (restored: Database, broken: Database | undefined) => Promise<void>;
  /** Asked before the swap; without it there is no question. */
  readonly confirmSwap?: (question: SwapQuestion) => Promise<boolean>;
  /** Consoles of the pools before the live database: see {@link swapWhilePaused}. */
  readonly pools?: readonly Address[];
  /** Leaves the materialised views empty, for a person to fill after the swap. */
  readonly viewsLater?: boolean;
}

/** The evidence of a restore. `refused`: nobody wanted the swap, and the copy was dropped. */
export interface RestoreReport extends Evidence {
  readonly kind: 'restore';
  readonly environment: string;
  readonly backup: string;
  readonly database: string;
  /** Where the old database is now; null when there was none, or it is still live. */
  readonly broken: string | null;
  readonly restoreMs: number;
  /** How long the applications could not write. */
  readonly pauseMs: number;
  readonly endedSessions: number;
  /** Sequences that go on from where the live database stood, so that no id is given out twice. */
  readonly movedSequences: readonly string[];
  readonly loss: LossEstimate | null;
  /** Of the backup; none of them is in the restored database, where it would take the changes of the original. */
  readonly subscriptions: readonly string[];
  /** Materialised views that are empty, and why. */
  readonly unfilled: readonly UnfilledView[];
  /** Databases of earlier restores that wait for a person to drop them. */
  readonly leftovers: readonly Leftover[];
}

/**
 * Restores a backup. Any failure leaves the live database live and nothing half-built beside it.
 *
 * Sessions of the caller on the live database are ended by the swap as all others are.
 *
 * @throws `backup/file-missing`, `backup/file-changed`, `restore/no-right`, `restore/missing-roles`,
 *   `restore/prepared-transactions`, `restore/active-slots`, `restore/active-subscriptions`,
 *   `restore/lasting-sessions`, `restore/missing-extensions`, `restore/needs-own-procedure`, `restore/no-space`,
 *   `restore/not-restorable`, `restore/differs`, `restore/swap-failed`
 * @example
 * await restore(context, { environment: 'production', live, backup, carryOver: async () => {} });
 */
export async function restore(context: Context, options: RestoreOptions): Promise<RestoreReport> {
  const { live, backup } = options;
  const startedAt = context.clock.now();
  const maintenance = await maintenanceAddress(live);
  const look = { backup, from: maintenance, database: live.database };
  const way = await checkTheWay(context, look, async (intent): Promise<Way> => {
    await preflight(context, intent);
    const server = intent.maintenance;
    const exists = 'SELECT FROM pg_database WHERE datname = $1';
    return {
      names: await freeNames(server, live.database, startedAt),
      liveExists: (await server.query(exists, [live.database])).length > 0,
      leftovers: await findLeftovers(server, live.database),
    };
  });
  const loss = way.liveExists ? await estimate(context, options) : null;
  const building = { maintenance, name: way.names.building, backup, live };
  const began = performance.now();
  return await inNewDatabase(context, building, async () => {
    const { viewsLater = false, environment } = options;
    const unfilled = await fill(context, building, { viewsLater });
    await carry(context, options, way);
    const restoreMs = performance.now() - began;
    const ready = { maintenance, loss, unfilled, ...way };
    const result = await swapIfWanted(context, options, ready);
    return {
      kind: 'restore',
      ...restoredEvidence(context, { startedAt, environment, backup }),
      database: live.database,
      restoreMs,
      loss,
      subscriptions: backup.manifest.source.subscriptions,
      unfilled,
      leftovers: way.leftovers,
      ...result,
    };
  });
}

interface Way {
  readonly names: RestoreNames;
  readonly liveExists: boolean;
  readonly leftovers: readonly Leftover[];
}

async function swapIfWanted(
  context: Context,
  { environment, live, backup, confirmSwap, pools = [] }: RestoreOptions,
  {
    maintenance,
    names,
    liveExists,
    loss,
    unfilled,
  }: Way & Pick<SwapQuestion, 'loss' | 'unfilled'> & { maintenance: Address },
): Promise<
  Pick<RestoreReport, 'outcome' | 'broken' | 'movedSequences' | 'pauseMs' | 'endedSessions'>
> {
  const broken = liveExists ? names.broken : null;
  const question = { environment, database: live.database, backup, broken, loss, unfilled };
  if ((await confirmSwap?.(question)) === false) {
    await dropDatabase({ maintenance, name: names.building });
    return {
      outcome: 'refused',
      broken: null,
      movedSequences: [],
      pauseMs: 0,
      endedSessions: 0,
    };
  }
  const label = `put the restored database in the place of ${live.database}`;
  return await step(context, label, async (reporter) => {
    const note = (text: string): void => context.emit({ kind: 'note', text });
    await using renamer = await connect(maintenance, { purpose: 'swap' });
    await using ender = await connect(maintenance, { purpose: 'swap' });
    const done = await swapWhilePaused({ pools, database: live.database, note }, async () => {
      // As late as can be: the live one goes on counting until the swap.
      const movedSequences = liveExists ? await moveSequences(context, live, names.building) : [];
      const swapped = await swap({
        renamer,
        ender,
        live: live.database,
        liveExists,
        restored: names.building,
        broken: names.broken,
      });
      return { movedSequences, ...swapped };
    });
    reporter.summary(`writes paused for ${formatDuration(done.pauseMs)}`);
    return { outcome: 'done', broken, ...done };
  });
}

async function moveSequences(context: Context, live: Address, restored: string): Promise<string[]> {
  await using ahead = await connectIfReadable(context, live);
  if (ahead === undefined) return [];
  const how = { purpose: 'restore', signal: context.signal, unlimited: true };
  await using behind = await connect(live.withDatabase(restored), how);
  return await advanceSequences(behind, ahead);
}

async function carry(context: Context, options: RestoreOptions, way: Way): Promise<void> {
  const { live, carryOver } = options;
  const how = { purpose: 'restore', signal: context.signal, unlimited: true };
  await using restored = await connect(live.withDatabase(way.names.building), how);
  const broken = way.liveExists ? await connectIfReadable(context, live) : undefined;
  try {
    await carryOver(restored, broken);
  } finally {
    await broken?.close();
  }
}

// A live database that cannot be read is a reason to restore, and no reason to stop. One that is
// only crowded can be read a moment later, and what is carried over must not be lost for that.
async function connectIfReadable(context: Context, live: Address): Promise<Database | undefined> {
  try {
    return await connect(live, { purpose: 'restore', signal: context.signal });
  } catch (failure) {
    const crowded = failure instanceof Failure && failure.code === 'postgres/too-many-connections';
    if (crowded || context.signal.aborted) throw failure;
    const text = `Nothing is carried over from ${live.database}, it cannot be read: ${messageOf(failure)}.`;
    context.emit({ kind: 'note', text });
    return undefined;
  }
}

async function estimate(
  context: Context,
  { live, backup }: RestoreOptions,
): Promise<LossEstimate | null> {
  const { activity, startedAt } = backup.manifest;
  try {
    await using database = await connect(live, { purpose: 'restore', signal: context.signal });
    return await estimateLoss(database, { takenAt: startedAt, activity });
  } catch (failure) {
    const text = `What the restore loses cannot be told: ${messageOf(failure)}.`;
    context.emit({ kind: 'note', text });
    return null;
  }
}
