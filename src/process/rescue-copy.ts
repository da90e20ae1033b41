// The restored database of an armed environment: built when it is first wanted, and kept in step from then
// on.

import { step } from '../core/context.ts';
import { formatDuration } from '../core/duration.ts';
import { type RescueRun, rescuePublication } from '../history/rescue-runs.ts';
import { quoteIdentifier } from '../postgres/address.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { sqlStateOf, sqlStates } from '../postgres/server-error.ts';
import { closeEnoughMs, isWorthAnotherRound } from '../rescue/closing-in.ts';
import { prepareCopy } from '../rescue/copy.ts';
import type { Follower } from '../rescue/follower.ts';
import { imageOf } from '../rescue/image.ts';
import { LogFollower } from '../rescue/log-follower.ts';
import { takeMarks } from '../rescue/marks.ts';
import { Replay } from '../rescue/replay.ts';
import { StreamFollower } from '../rescue/stream-follower.ts';
import { create, fill } from '../restore/build.ts';
import { maintenanceAddress } from '../restore/maintenance.ts';
import { backupNamed } from './backing-up.ts';
import { withFiles } from './keeping.ts';
import type { Project, Target } from './project.ts';

/** Builds the copy of a run where it is not there, or was not finished. */
export async function ensureCopy(
  project: Project,
  target: Target,
  run: Pick<RescueRun, 'copy' | 'backup' | 'identities' | 'image'>,
): Promise<void> {
  const { context } = project;
  const live = target.address;
  const maintenance = await maintenanceAddress(live);
  const address = live.withDatabase(run.copy);
  if (!(await isBuilt(run.copy, maintenance, address))) {
    const backup = await backupNamed(project, target, run.backup ?? undefined);
    await withFiles(project, backup, async (here) => {
      const building = { maintenance, name: run.copy, backup: here, live };
      await create(context, building).catch(async (failure: unknown) => {
        // A command that was killed may have begun to make it: its server process goes on to the end.
        if (sqlStateOf(failure) !== sqlStates.duplicateDatabase) throw failure;
        await isBuilt(run.copy, maintenance, address);
        await create(context, building);
      });
      await fill(context, building);
    });
  }
  // Of a prepared one too: a rescue that failed behind its fence has made it ready for the swap.
  await using copy = await connect(address, { purpose: 'rescue', signal: context.signal });
  for (const statement of await takeMarks(copy, run, 'name')) await copy.execute(statement);
  await prepareCopy(copy, imageOf(run.image));
}

// One that was killed while it was built has not been prepared, and is made anew.
async function isBuilt(
  name: string,
  maintenance: Parameters<typeof connect>[0],
  address: Parameters<typeof connect>[0],
): Promise<boolean> {
  await using server = await connect(maintenance, { purpose: 'rescue' });
  const rows = await server.query('SELECT FROM pg_database WHERE datname = $1', [name]);
  if (rows.length === 0) return false;
  {
    await using copy = await connect(address, { purpose: 'rescue' });
    const { built } = await copy.one<{ built: boolean }>(
      `SELECT to_regclass('drydock_replay.triggers') IS NOT NULL AS built`,
    );
    if (built) return true;
  }
  await server.execute(`DROP DATABASE ${quoteIdentifier(name)} WITH (FORCE)`);
  return false;
}

/** The copy while it is followed. */
export interface Following {
  readonly live: Database;
  readonly copy: Database;
  readonly replay: Replay;
  readonly follower: Follower;
  /** Ends the following and its sessions, all but `live` and `copy`. */
  leave(): Promise<void>;
}

/** Follows the live database while `work` goes on. */
export async function whileFollowing<T>(
  project: Project,
  target: Target,
  run: Pick<RescueRun, 'capture' | 'copy' | 'slot' | 'image' | 'snapshot'>,
  work: (following: Following) => Promise<T>,
): Promise<T> {
  const { signal } = project.context;
  const { address } = target;
  await using live = await connect(address, { purpose: 'rescue', signal });
  // The stream brings what is on the disk: where commits do not wait for that, a marker behind a fence would lie
  // there until the server's log writer comes by (manual, 30.3). `local`: no standby is waited for.
  await live.execute('SET synchronous_commit = local');
  await using copy = await connect(address.withDatabase(run.copy), { purpose: 'rescue', signal });
  await using player = await connect(address.withDatabase(run.copy), { purpose: 'replay' });
  const before = imageOf(run.image);
  const replay = await Replay.begin(player, before);
  const options = { live: address, replay, signal };
  await using follower: Follower =
    run.capture === 'triggers'
      ? await LogFollower.start({ ...options, before, since: run.snapshot ?? '' })
      : await StreamFollower.start({ ...options, slot: run.slot, publication: rescuePublication });
  const leave = async (): Promise<void> => {
    await follower[Symbol.asyncDispose]();
    await player.close();
  };
  return await work({ live, copy, replay, follower, leave });
}

// Writes will wait for as long as one more round takes.
const veryCloseMs = 80;
const patienceMs = 10_000;

/**
 * Catches up until the last round took no time to speak of, or no round comes any closer; says how many changes
 * were played.
 *
 * @returns how far behind the copy is, in milliseconds: for so long writes would wait for it
 */
export async function catchUp(
  project: Project,
  environment: string,
  following: Following,
): Promise<number> {
  const { context } = project;
  const { replay } = following;
  const label = `play what was written in ${environment} since the backup`;
  return await step(context, label, async (say) => {
    const startedAt = performance.now();
    const rounds: number[] = [];
    const timer = setInterval(() => say.progress(`${replay.played} changes`), 500);
    try {
      while (isWorthAnotherRound(rounds)) rounds.push(await roundMs(following));
    } finally {
      clearInterval(timer);
    }
    const behindMs = rounds.at(-1) ?? 0;
    const took = formatDuration(performance.now() - startedAt);
    const behind =
      behindMs < closeEnoughMs ? '' : `; ${formatDuration(behindMs)} behind, and no closer`;
    say.summary(`${replay.played} changes in ${took}${behind}`);
    return behindMs;
  });
}

/**
 * Comes as close as the server lets it, while others write: where they keep its processors busy, a round may take
 * a second at one moment and a twentieth of it at the next.
 */
export async function comeVeryClose(following: Following): Promise<void> {
  const giveUpAt = performance.now() + patienceMs;
  while ((await roundMs(following)) > veryCloseMs && performance.now() < giveUpAt);
}

async function roundMs({ live, follower }: Following): Promise<number> {
  const began = performance.now();
  await follower.caughtUp(live);
  return performance.now() - began;
}
