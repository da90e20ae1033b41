// Everything that ways back are judged by, read at this moment. A database that cannot be read is the very
// reason to look: what is missing then is null or empty, and the backups are read all the same.

import { type Backup, validProof } from '../../backup/manifest.ts';
import type { Environment } from '../../config/environment.ts';
import { messageOf } from '../../core/failure.ts';
import { type HealthSample, readSamples } from '../../history/health-samples.ts';
import { type JournalEntry, type JournalRow, readJournal } from '../../history/journal.ts';
import { type LedgerRow, readLedger } from '../../history/ledger.ts';
import type { Database } from '../../postgres/connect.ts';
import { estimateLoss, type LossEstimate } from '../../restore/loss.ts';
import { type ArmedNow, armedNow } from '../armed-now.ts';
import { engineBackupsOf, type KnownEngineBackup } from '../engines.ts';
import { allBackups } from '../keeping.ts';
import { type Project, reading, type Target } from '../project.ts';
import { type RestoreObstacle, restoreObstacle } from '../restorable.ts';
import { type UndonePlan, undoChange } from '../undoing.ts';

/** What an engine for whole servers has. */
export interface EngineState {
  readonly label: string;
  /** Newest first. */
  readonly backups: readonly KnownEngineBackup[];
  /** Why it could not be asked; null when it was. */
  readonly problem: string | null;
}

/** What an undo would take back. */
export interface UndoState {
  /** Null where nothing can be taken back. */
  readonly plan: UndonePlan | null;
  /** Why not; null when it can. */
  readonly problem: string | null;
}

/** What the database itself tells. */
interface Told {
  /** Newest first. */
  readonly journal: readonly JournalRow[];
  readonly ledger: readonly LedgerRow[];
  /** Health samples of the last day, oldest first. */
  readonly samples: readonly HealthSample[];
  /** What was written since the backup; null: not known. */
  readonly loss: LossEstimate | null;
  /** What a rescue holds; null where nothing is armed. */
  readonly armed: ArmedNow | null;
}

/** The evidence. */
export interface WayEvidence extends Told {
  readonly environment: Environment;
  /** Name of the live database. */
  readonly database: string;
  /** Why the live database cannot be read; null when it can. */
  readonly problem: string | null;
  /** The backup that a restore would bring back; null when there is none. */
  readonly backup: Backup | null;
  /** What a restore would be refused for; null when nothing stands in its way. */
  readonly restoreObstacle: RestoreObstacle | null;
  readonly engine: EngineState | null;
  readonly undo: UndoState;
}

const dayMs = 24 * 3_600_000;
const nothing: Told = { journal: [], ledger: [], samples: [], loss: null, armed: null };

/** Gathers the evidence; reads only. */
export async function gatherWays(project: Project, target: Target): Promise<WayEvidence> {
  const { environment, address } = target;
  const { backups } = await allBackups(project, environment.name);
  const since = new Date(project.context.clock.now().getTime() - dayMs);
  const found = await readingIfPossible(project, target, async (database) => {
    const journal = await readJournal(database);
    const ledger = await readLedger(database);
    const backup = chooseBackup(backups, journal, ledger);
    return {
      backup,
      told: {
        journal,
        ledger,
        samples: await readSamples(database, since),
        loss: backup === null ? null : await lossSince(database, backup),
        armed: await armedNow(database),
      },
    };
  });
  return {
    environment,
    database: address.database,
    problem: found.problem,
    backup: found.value?.backup ?? chooseBackup(backups, [], []),
    restoreObstacle: await restoreObstacle(project, target),
    engine: await engineState(project, environment),
    undo: await undoState(project, target),
    ...(found.value?.told ?? nothing),
  };
}

/**
 * The backup to go back to: the one from before the newest apply, while that is the newest change of the
 * schema; else the newest one that was proven, else the newest one.
 */
export function chooseBackup(
  backups: readonly Backup[],
  journal: readonly JournalRow[],
  ledger: readonly LedgerRow[],
): Backup | null {
  const last = journal.find(
    ({ entry }) => schemaChanges.includes(entry.command) && entry.phase === 'done',
  );
  const newest = ledger.toSorted((a, b) => b.appliedAt.getTime() - a.appliedAt.getTime())[0];
  const before =
    last?.entry.command === 'apply'
      ? backups.find(({ name }) => name === newest?.backup)
      : undefined;
  const proven = backups.find((backup) => validProof(backup) !== null);
  return before ?? proven ?? backups[0] ?? null;
}

const schemaChanges: readonly string[] = ['apply', 'restore', 'undo', 'rescue'];

/** The newest entry of a command that came to its end. */
export function newestDone(
  journal: readonly JournalRow[],
  ...commands: readonly string[]
): JournalEntry | undefined {
  return journal.find(({ entry }) => entry.phase === 'done' && commands.includes(entry.command))
    ?.entry;
}

async function readingIfPossible<T>(
  project: Project,
  target: Target,
  work: (database: Database) => Promise<T>,
): Promise<{ readonly value?: T; readonly problem: string | null }> {
  try {
    return { value: await reading(project, target, work), problem: null };
  } catch (failure) {
    if (project.context.signal.aborted) throw failure;
    return { problem: messageOf(failure) };
  }
}

async function lossSince(database: Database, { manifest }: Backup): Promise<LossEstimate | null> {
  const { activity, startedAt } = manifest;
  return estimateLoss(database, { takenAt: startedAt, activity }).catch(() => null);
}

async function undoState(project: Project, { environment }: Target): Promise<UndoState> {
  try {
    const ask = async (): Promise<boolean> => false;
    const wish = { environment: environment.name, dryRun: true, ask };
    const { plans, notKept } = await undoChange(project, wish);
    const [plan = null] = plans;
    const nothing = 'nothing was kept of the last change that could be taken back';
    return { plan, problem: plan === null ? [nothing, ...notKept].join('; ') : null };
  } catch (failure) {
    if (project.context.signal.aborted) throw failure;
    return { plan: null, problem: messageOf(failure) };
  }
}

async function engineState(
  project: Project,
  { name, backupEngine }: Environment,
): Promise<EngineState | null> {
  if (backupEngine?.pgbackrest === undefined) return null;
  try {
    const { engine, backups } = await engineBackupsOf(project, name);
    return { label: engine, backups, problem: null };
  } catch (failure) {
    if (project.context.signal.aborted) throw failure;
    return { label: 'pgBackRest', backups: [], problem: messageOf(failure) };
  }
}
