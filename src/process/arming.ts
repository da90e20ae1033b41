// Arming: from the snapshot of the backup on, every write can be played again, so that a rescue brings the
// database back from before a change without losing one. And giving that up.

import { localTimestamp } from '../core/clock.ts';
import { type Context, step } from '../core/context.ts';
import { Failure, messageOf } from '../core/failure.ts';
import {
  beginRescue,
  endRescue,
  type RescueRun,
  readOpenRescue,
  recordArmed,
  rescuePublication,
} from '../history/rescue-runs.ts';
import { quoteIdentifier } from '../postgres/address.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { ReplicationSession } from '../postgres/replication.ts';
import {
  oldIdentities,
  planIdentities,
  publish,
  readArmable,
  unpublish,
  wholeRowsOf,
} from '../rescue/arm.ts';
import { openFence } from '../rescue/fence.ts';
import { readArmFacts, refuseUnarmable } from '../rescue/preflight.ts';
import { dropSlots } from '../rescue/slots.ts';
import { maintenanceAddress } from '../restore/maintenance.ts';
import { takeBackup } from './backing-up.ts';
import { expectSchemaNow } from './drift.ts';
import { inTurnOn } from './in-turn.ts';
import type { NewBackup } from './keeping.ts';
import { doing, type Project, reading, type Target, targetNamed } from './project.ts';
import { ensureCopy } from './rescue-copy.ts';
import { isUnsettled, settle } from './settling.ts';

/** What was armed. */
export interface ArmReport {
  readonly environment: string;
  readonly backup: string;
  /** The database that would take the live one's place. */
  readonly copy: string;
  /** Whether it is there already. */
  readonly isWarm: boolean;
  readonly tables: number;
  /** Wide tables: a migration that touches one of them makes the rescue impossible. */
  readonly wide: readonly string[];
  /** What a rescue would not bring along, as sentences. */
  readonly limits: readonly string[];
}

const slotPatienceMs = 30_000;

/**
 * Arms an environment by itself, for the journal too.
 *
 * @throws `rescue/already-armed`, and what {@link refuseUnarmable} and a backup throw
 */
export async function armEnvironment(
  project: Project,
  request: { readonly environment: string; readonly cold?: boolean },
): Promise<ArmReport> {
  const target = targetNamed(project, request.environment);
  return doing(project, target, { command: 'arm', changes: true }, async () => {
    const { report } = await arm(project, target, {
      reason: 'armed for a rescue',
      plan: null,
      isWarm: request.cold !== true,
    });
    return { result: report, backup: report.backup, details: { copy: report.copy } };
  });
}

/** Whether an environment is armed. */
export async function isArmed(project: Project, environment: string): Promise<boolean> {
  const target = targetNamed(project, environment);
  return (await reading(project, target, readOpenRescue)) !== undefined;
}

/** Arms an environment as a part of a larger command; what fails is taken back. */
export async function arm(
  project: Project,
  target: Target,
  how: {
    readonly reason: string;
    readonly plan: string | null;
    readonly pending?: readonly string[];
    readonly isWarm: boolean;
  },
): Promise<{ readonly backup: NewBackup; readonly report: ArmReport }> {
  const { context, actor } = project;
  const { environment, address } = target;
  const { name } = environment;
  await using database = await connect(address, { purpose: 'arm', signal: context.signal });
  if ((await readOpenRescue(database)) !== undefined) throw alreadyArmed(name);
  const limits = refuseUnarmable(await readArmFacts(database), name);
  const tables = await readArmable(database);
  const plan = planIdentities(tables);
  const { oid } = await database.one<{ oid: string }>(
    'SELECT oid::text FROM pg_database WHERE datname = current_database()',
  );
  const time = localTimestamp(context.clock.now());
  await beginRescue(database, {
    slot: slotName(oid),
    copy: copyName(address.database, time),
    identities: oldIdentities(plan),
    limits,
    begunBy: `${actor.who}@${actor.host}`,
  });
  try {
    const backup = await step(context, `arm ${name}`, async (reporter) => {
      const inTurn = inTurnOn(context, address, { what: 'arm', policy: environment.apply });
      for (const [at, table] of plan.whole.entries()) {
        reporter.progress(`${table.table}, ${at + 1} of ${plan.whole.length}`);
        await inTurn([wholeRowsOf(table)], async () => {});
      }
      await inTurn(publish(tables), async () => {});
      reporter.summary(`writes to ${tables.length} tables can be followed`);
      return await backUpFromSlot(project, target, how);
    });
    await expectSchemaNow(target);
    const run = await openRunOf(database, name);
    if (how.isWarm) await ensureCopy(project, target, run);
    const report = {
      environment: name,
      backup: backup.name,
      copy: run.copy,
      isWarm: how.isWarm,
      tables: tables.length,
      wide: plan.wide.map(({ table }) => table),
      limits,
    };
    return { backup, report };
  } catch (failure) {
    await disarm(project, target, 'it could not be armed').catch((second: unknown) => {
      if (failure instanceof Failure) failure.alsoFailed.push(second);
    });
    throw failure;
  }
}

// The slot's snapshot is open as long as its session does nothing else.
async function backUpFromSlot(
  project: Project,
  target: Target,
  how: Parameters<typeof takeBackup>[2],
): Promise<NewBackup> {
  const { address } = target;
  await using database = await connect(address, { purpose: 'arm' });
  const { slot } = await openRunOf(database, target.environment.name);
  await using session = await ReplicationSession.open(address);
  const { snapshot } = await session
    .createSlot(slot, { lockTimeoutMs: slotPatienceMs, lasting: true })
    .catch((failure: unknown) => {
      throw slotFailure(target, failure);
    });
  const { image } = await database.transaction(
    () => database.one<{ image: unknown }>('SELECT drydock.rescue_image() AS image'),
    {
      begin: [
        'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
        `SET TRANSACTION SNAPSHOT '${snapshot}'`,
      ],
    },
  );
  const backup = await takeBackup(project, target, { ...how, snapshot });
  await recordArmed(database, { backup: backup.name, image });
  return backup;
}

/**
 * Gives the way back up, for the journal too. Always possible, also after a kill.
 *
 * @throws `rescue/not-armed`
 */
export async function disarmEnvironment(
  project: Project,
  request: { readonly environment: string; readonly reason?: string | undefined },
): Promise<DisarmReport> {
  const target = targetNamed(project, request.environment);
  await openDoor(project.context, target);
  const found = await reading(project, target, async (database) => ({
    run: await readOpenRescue(database),
    isMarked: await hasMarks(database),
    isUnsettled: await isUnsettled(database),
  }));
  if (found.isUnsettled) await settle(project, target);
  else if (found.run === undefined && !found.isMarked) throw notArmed(request.environment);
  return doing(project, target, { command: 'disarm', changes: true }, async () => {
    const report = await disarm(project, target, request.reason ?? null);
    return { result: report, details: { ...report } };
  });
}

/** What was given up. */
export interface DisarmReport {
  readonly environment: string;
  /** The database beside the live one that was dropped; null: there was none. */
  readonly copy: string | null;
}

/** Gives it up as a part of a larger command: slot first, for it holds the log. */
export async function disarm(
  project: Project,
  target: Target,
  reason: string | null,
): Promise<DisarmReport> {
  const { context, actor } = project;
  const { environment, address } = target;
  return await step(context, `disarm ${environment.name}`, async () => {
    await using database = await connect(address, { purpose: 'disarm' });
    const run = await readOpenRescue(database);
    await dropSlots(database, run?.slot);
    const copy = run === undefined ? null : await dropCopy(target, run);
    await takeMarksAway(context, target, run);
    const by = `${actor.who}@${actor.host}`;
    await endRescue(database, { state: 'disarmed', by, reason });
    await expectSchemaNow(target);
    return { environment: environment.name, copy };
  });
}

/** Takes triggers, publication and identities of an armed database away. */
async function takeMarksAway(
  context: Context,
  { address, environment }: Target,
  run: RescueRun | undefined,
): Promise<void> {
  await using database = await connect(address, { purpose: 'disarm' });
  // In a database that was restored since, every table has another number.
  const { oid } = await database.one<{ oid: string }>(
    'SELECT oid::text FROM pg_database WHERE datname = current_database()',
  );
  const isMoved = run !== undefined && run.slot !== slotName(oid);
  const inTurn = inTurnOn(context, address, { what: 'disarm', policy: environment.apply });
  const statements = await unpublish(
    database,
    run ?? { identities: [] },
    isMoved ? 'name' : 'number',
  );
  for (const statement of statements) await inTurn([statement], async () => {});
}

async function hasMarks(database: Database): Promise<boolean> {
  const rows = await database.query('SELECT FROM pg_publication WHERE pubname = $1', [
    rescuePublication,
  ]);
  return rows.length > 0;
}

async function dropCopy({ address }: Target, { copy }: RescueRun): Promise<string | null> {
  await using server = await connect(await maintenanceAddress(address), { purpose: 'disarm' });
  const rows = await server.query('SELECT FROM pg_database WHERE datname = $1', [copy]);
  if (rows.length === 0) return null;
  await server.execute(`DROP DATABASE ${quoteIdentifier(copy)} WITH (FORCE)`);
  return copy;
}

/** A rescue that was killed behind its fence has left the database closed: opens it. */
export async function openDoor(context: Context, { address }: Target): Promise<void> {
  await using server = await connect(await maintenanceAddress(address), { purpose: 'rescue' });
  const rows = await server.query(
    `SELECT FROM pg_database d WHERE datname = $1 AND NOT datallowconn
        AND EXISTS (SELECT FROM pg_replication_slots s WHERE s.slot_name = 'drydock_rescue_' || d.oid)`,
    [address.database],
  );
  if (rows.length === 0) return;
  await openFence(server, address.database);
  const text = `${address.database} was closed by a rescue that did not come to its end; it is open again.`;
  context.emit({ kind: 'note', text });
}

/** The open run, which there must be. */
async function openRunOf(database: Database, environment: string): Promise<RescueRun> {
  const run = await readOpenRescue(database);
  if (run === undefined) throw notArmed(environment);
  return run;
}

function slotName(databaseId: string): string {
  return `drydock_rescue_${databaseId}`;
}

function copyName(database: string, time: string): string {
  let base = database;
  // NAMEDATALEN - 1 (manual, 4.1.1).
  while (Buffer.byteLength(`${base}_rescue_${time}`) > 63)
    base = Array.from(base).slice(0, -1).join('');
  return `${base}_rescue_${time}`;
}

/** The failure where nothing is armed. */
export function notArmed(environment: string): Failure {
  return new Failure({
    code: 'rescue/not-armed',
    message: `${environment} is not armed: what was written since the last change cannot be played again`,
    hint: `The other ways back: drydock recover ${environment}. Before the next change: drydock arm ${environment}, or \`rescue: 'warm'\` in the configuration.`,
  });
}

function alreadyArmed(environment: string): Failure {
  return new Failure({
    code: 'rescue/already-armed',
    message: `${environment} is armed already`,
    hint: `Look since when: drydock status ${environment}; to begin anew: drydock disarm ${environment}`,
  });
}

function slotFailure({ environment }: Target, failure: unknown): unknown {
  if (!(failure instanceof Failure)) return failure;
  return new Failure({
    code: 'rescue/slot-not-made',
    message: `no replication slot could be made in ${environment.name}: ${messageOf(failure)}`,
    hint: `It waits for every transaction that has written and is still open: end them, then type the same command again.`,
    cause: failure,
  });
}
