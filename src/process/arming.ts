// Arming: from the snapshot of the backup on, every write can be played again, so that a rescue brings the
// database back from before a change without losing one.

import { localTimestamp } from '../core/clock.ts';
import { step } from '../core/context.ts';
import { Failure, messageOf } from '../core/failure.ts';
import {
  beginRescue,
  type Capture,
  type RescueRun,
  readOpenRescue,
  recordArmed,
} from '../history/rescue-runs.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { ReplicationSession } from '../postgres/replication.ts';
import {
  type ArmableTable,
  type IdentityPlan,
  oldIdentities,
  planIdentities,
  publish,
  readArmable,
  wholeRowsOf,
} from '../rescue/arm.ts';
import { costInWords, logBytesInAnHour, logLimitInWords } from '../rescue/cost.ts';
import { mark } from '../rescue/marks.ts';
import { captureOf, readArmFacts, refuseUnarmable } from '../rescue/preflight.ts';
import { slotName } from '../rescue/slots.ts';
import { emptyLog, watch } from '../rescue/watch.ts';
import { nameBeside } from '../restore/names.ts';
import { takeBackup } from './backing-up.ts';
import { disarm, notArmed } from './disarming.ts';
import { expectSchemaNow } from './drift.ts';
import type { NewBackup } from './keeping.ts';
import { doing, type Project, reading, type Target, targetNamed } from './project.ts';
import { ensureCopy } from './rescue-copy.ts';
import { inTurnOn } from './with-care.ts';

/** What was armed. */
export interface ArmReport {
  readonly environment: string;
  readonly backup: string;
  /** The database that would take the live one's place. */
  readonly copy: string;
  /** Whether it is there already. */
  readonly isWarm: boolean;
  /** What tells the writes: the server's own log, or triggers on every table. */
  readonly capture: Capture;
  readonly tables: number;
  /** Wide tables, in a stream: a migration that touches one of them makes the rescue impossible. */
  readonly wide: readonly string[];
  /** What a rescue would not bring along, as sentences. */
  readonly limits: readonly string[];
}

const slotPatienceMs = 30_000;
const leastLogLimitBytes = 1024 ** 3;

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
  const facts = await readArmFacts(database);
  const { rescue } = environment;
  const capture = captureOf(facts, rescue.capture);
  const limitBytes = rescue.logLimitBytes ?? Math.max(facts.databaseBytes, leastLogLimitBytes);
  const limits = refuseUnarmable(facts, { environment: name, capture });
  const tables = await readArmable(database);
  const plan = planIdentities(tables);
  if (capture === 'triggers') {
    const hourlyBytes = await logBytesInAnHour(database, tables);
    const { wide } = plan;
    const cost = { environment: name, tables, wide, hourlyBytes, limitBytes };
    context.emit({ kind: 'note', text: costInWords(cost) });
  } else {
    const { keepBytes } = facts;
    const text = logLimitInWords({ environment: name, limitBytes, keepBytes });
    context.emit({ kind: 'note', text });
  }
  const { oid } = await database.one<{ oid: string }>(
    'SELECT oid::text FROM pg_database WHERE datname = current_database()',
  );
  const time = localTimestamp(context.clock.now());
  await beginRescue(database, {
    capture,
    slot: slotName(oid),
    copy: nameBeside(address.database, `_rescue_${time}`),
    identities: capture === 'stream' ? oldIdentities(plan) : [],
    logLimit: Math.round(limitBytes),
    limits,
    begunBy: `${actor.who}@${actor.host}`,
  });
  try {
    const backup = await step(context, `arm ${name}`, async (reporter) => {
      const inTurn = inTurnOn(context, address, { what: 'arm', policy: environment.apply });
      const turns = capture === 'stream' ? turnsOfStream(tables, plan) : turnsOfTriggers(tables);
      for (const [at, statements] of turns.entries()) {
        reporter.progress(`${at + 1} of ${turns.length}`);
        await inTurn(statements, async () => {});
      }
      reporter.summary(`writes to ${tables.length} tables can be followed`);
      const backUp = capture === 'stream' ? backUpFromSlot : backUpFromSnapshot;
      return await backUp(project, target, how);
    });
    await expectSchemaNow(target);
    const run = await openRunOf(database, name);
    if (how.isWarm) await ensureCopy(project, target, run);
    const report = {
      environment: name,
      backup: backup.name,
      copy: run.copy,
      isWarm: how.isWarm,
      capture,
      tables: tables.length,
      wide: capture === 'stream' ? plan.wide.map(({ table }) => table) : [],
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

/** What is done to the tables, each turn in a transaction of its own. */
type Turns = readonly (readonly string[])[];

function turnsOfStream(tables: readonly ArmableTable[], plan: IdentityPlan): Turns {
  return [...plan.whole.map((table) => [wholeRowsOf(table)]), [...mark, publish(tables)]];
}

function turnsOfTriggers(tables: readonly ArmableTable[]): Turns {
  return [emptyLog, ...watch(tables).map((statement) => [statement]), mark];
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
  await recordArmed(database, { backup: backup.name, image, snapshot: null });
  return backup;
}

// Whoever has not ended by this snapshot found the triggers on every table that it wrote to: none was made on a
// table while somebody had written to it and was not through.
async function backUpFromSnapshot(
  project: Project,
  target: Target,
  how: Parameters<typeof takeBackup>[2],
): Promise<NewBackup> {
  const { address } = target;
  const session = { purpose: 'arm', unlimited: true };
  await using database = await connect(address, session);
  await using witness = await connect(address, session);
  return await witness.transaction(
    async () => {
      const { exported, snapshot, image } = await witness.one<{
        exported: string;
        snapshot: string;
        image: unknown;
      }>(
        `SELECT pg_export_snapshot() AS exported, pg_current_snapshot()::text AS snapshot,
                drydock.rescue_image() AS image`,
      );
      const backup = await takeBackup(project, target, { ...how, snapshot: exported });
      await recordArmed(database, { backup: backup.name, image, snapshot });
      return backup;
    },
    { begin: ['BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY'] },
  );
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
