// Arming: from the snapshot of the backup on, every write can be played again, so that a rescue brings the
// database back from before a change without losing one.

import { localTimestamp } from '../core/clock.ts';
import { step } from '../core/context.ts';
import { Failure, messageOf } from '../core/failure.ts';
import {
  beginRescue,
  type RescueRun,
  readOpenRescue,
  recordArmed,
} from '../history/rescue-runs.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { ReplicationSession } from '../postgres/replication.ts';
import { oldIdentities, planIdentities, publish, readArmable, wholeRowsOf } from '../rescue/arm.ts';
import { readArmFacts, refuseUnarmable } from '../rescue/preflight.ts';
import { slotName } from '../rescue/slots.ts';
import { nameBeside } from '../restore/names.ts';
import { takeBackup } from './backing-up.ts';
import { disarm, notArmed } from './disarming.ts';
import { expectSchemaNow } from './drift.ts';
import { inTurnOn } from './in-turn.ts';
import type { NewBackup } from './keeping.ts';
import { doing, type Project, reading, type Target, targetNamed } from './project.ts';
import { ensureCopy } from './rescue-copy.ts';

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
    copy: nameBeside(address.database, `_rescue_${time}`),
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

/** The open run, which there must be. */
async function openRunOf(database: Database, environment: string): Promise<RescueRun> {
  const run = await readOpenRescue(database);
  if (run === undefined) throw notArmed(environment);
  return run;
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
