// Where every environment stands: what is in force, what is pending, what was done. Reads only.

import type { Environment } from '../config/environment.ts';
import { Failure, messageOf } from '../core/failure.ts';
import { type BatchWalk, type Pause, readPause, readWalks } from '../history/batches.ts';
import { schemaDrift } from '../history/expected-schema.ts';
import { readNewestSample } from '../history/health-samples.ts';
import { lookForTables } from '../history/install.ts';
import {
  firstBrokenEntry,
  type JournalRow,
  readJournal,
  readUnfinished,
} from '../history/journal.ts';
import { type LedgerRow, readLedger } from '../history/ledger.ts';
import { assertMarker } from '../history/marker.ts';
import { isChecksumOf } from '../migration/checksum.ts';
import { type MigrationText, readMigrationTexts } from '../migration/file.ts';
import { compareVersions } from '../migration/version.ts';
import { connect } from '../postgres/connect.ts';
import type { Soak } from '../promotion/soak.ts';
import { type ArmedNow, armedNow } from './armed-now.ts';
import { type KeptPlanNow, keptIn } from './finalizing.ts';
import { type Project, reading, targetNamed } from './project.ts';
import { clocksOf, sayClocks } from './server-clock.ts';
import { soakBefore } from './soaking.ts';

/**
 * What is true of a migration in an environment: `applied`; `partial`, only some of its steps are in
 * force; `abandoned`, the same, and a person decided to leave it so; `pending`; `changed`, its file was
 * edited after it was applied; `missing`, it is in force and the folder has no file of it, as with those
 * of another branch.
 */
export type MigrationState =
  | 'applied'
  | 'partial'
  | 'abandoned'
  | 'pending'
  | 'changed'
  | 'missing';

/** A migration, as it stands in an environment. */
export interface MigrationStatus {
  readonly version: string;
  readonly name: string;
  readonly state: MigrationState;
  readonly appliedAt: Date | null;
  readonly appliedBy: string | null;
}

/** One environment, as it stands. */
export interface EnvironmentStatus {
  readonly name: string;
  /** Host, port and database; null when no address is known. */
  readonly database: string | null;
  /** Why the environment could not be read; null when it was. */
  readonly problem: string | null;
  readonly marked: boolean;
  /** Every migration of the folder and of the ledger, in order. */
  readonly migrations: readonly MigrationStatus[];
  /** What of the schema is not as the last apply left it, in words. */
  readonly drift: readonly string[];
  /** Commands that began and never told their end: killed, or still at work. */
  readonly unfinished: readonly {
    readonly command: string;
    readonly at: string;
    readonly who: string;
  }[];
  /** Statements whose batches are not all in force. */
  readonly batches: readonly BatchWalk[];
  /** Who lets no further batch begin. */
  readonly paused: Pause | null;
  readonly health: { readonly healthy: boolean; readonly at: Date } | null;
  /**
   * How long those pending migrations that are in force in the environment before have soaked there; null
   * where there is nothing to wait for, and where that environment cannot be read.
   */
  readonly soak: Soak | null;
  /** What is kept so that the last changes can be taken back, the newest first. */
  readonly kept: readonly KeptPlanNow[];
  /** What a rescue holds; null where nothing is armed. */
  readonly armed: ArmedNow | null;
}

const healthHours = 24;

/** The status of one environment or of all. An environment that cannot be read says why. */
export async function statusOf(
  project: Project,
  name: string | undefined,
): Promise<readonly EnvironmentStatus[]> {
  const migrations = readMigrationTexts(project.config.migrations);
  const environments =
    name === undefined ? project.config.environments : [targetNamed(project, name).environment];
  return Promise.all(
    environments.map((environment) => environmentStatus(project, environment, migrations)),
  );
}

async function environmentStatus(
  project: Project,
  environment: Environment,
  migrations: readonly MigrationText[],
): Promise<EnvironmentStatus> {
  const nothing: EnvironmentStatus = {
    name: environment.name,
    database: environment.address?.label ?? null,
    problem: null,
    marked: false,
    migrations: compare(migrations, []),
    drift: [],
    unfinished: [],
    batches: [],
    paused: null,
    health: null,
    soak: null,
    kept: [],
    armed: null,
  };
  try {
    const target = targetNamed(project, environment.name);
    await using database = await connect(target.address, {
      purpose: 'status',
      signal: project.context.signal,
      readOnly: true,
      pipelined: true,
      first: lookForTables,
    });
    // All at once: the journey to the server and back is most of what a status costs.
    const [marker, clocks, ledger, unfinished, health, drift, paused, batches, kept, armed] =
      await Promise.all([
        assertMarker(database, environment.name),
        clocksOf(project.context, database),
        readLedger(database),
        readUnfinished(database),
        readNewestSample(database, healthHours),
        schemaDrift(database),
        readPause(database),
        readWalks(database),
        keptIn(database),
        armedNow(database),
      ]);
    sayClocks(project.context, environment.name, clocks);
    const inLedger = new Set(ledger.map(({ version }) => version));
    const pending = migrations.filter(({ version }) => !inLedger.has(version));
    return {
      ...nothing,
      migrations: compare(migrations, ledger),
      marked: marker !== undefined,
      drift,
      unfinished,
      batches,
      paused: paused ?? null,
      health: health === undefined ? null : { healthy: health.healthy, at: health.at },
      soak: await soakBefore(project, environment, pending),
      kept,
      armed,
    };
  } catch (failure) {
    if (failure instanceof Failure && failure.code === 'interrupted') throw failure;
    return { ...nothing, problem: messageOf(failure) };
  }
}

function compare(
  files: readonly MigrationText[],
  ledger: readonly LedgerRow[],
): readonly MigrationStatus[] {
  const rows = new Map(ledger.map((row) => [row.version, row]));
  const known = new Set(files.map(({ version }) => version));
  return [
    ...files.map((file) => statusOfOne(file, rows.get(file.version))),
    ...ledger
      .filter(({ version }) => !known.has(version))
      .map((row) => statusOfOne(undefined, row)),
  ].sort((a, b) => compareVersions(a.version, b.version));
}

function statusOfOne(file: MigrationText | undefined, row: LedgerRow | undefined): MigrationStatus {
  const { version = '', name = '' } = file ?? row ?? {};
  const { appliedAt = null, appliedBy = null } = row ?? {};
  return { version, name, state: stateOf(file, row), appliedAt, appliedBy };
}

function stateOf(file: MigrationText | undefined, row: LedgerRow | undefined): MigrationState {
  if (row === undefined) return 'pending';
  if (file === undefined) return 'missing';
  if (!isChecksumOf(row.checksum, file)) return 'changed';
  return row.state === 'complete' ? 'applied' : row.state;
}

/** The journal of an environment, newest first, and whether its chain is whole. */
export async function historyOf(
  project: Project,
  name: string,
  limit: number,
): Promise<{ readonly entries: readonly JournalRow[]; readonly brokenAt: number | null }> {
  return reading(project, targetNamed(project, name), async (database) => ({
    entries: await readJournal(database, limit),
    brokenAt: (await firstBrokenEntry(database)) ?? null,
  }));
}
