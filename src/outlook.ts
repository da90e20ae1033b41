// Where every environment stands: what is in force, what is pending, what was done. Reads only.

import type { Environment } from './config/environment.ts';
import { Failure, messageOf } from './core/failure.ts';
import { readSamples } from './history/health-samples.ts';
import { firstBrokenEntry, type JournalRow, readJournal } from './history/journal.ts';
import { type LedgerRow, readLedger } from './history/ledger.ts';
import { readMarker } from './history/marker.ts';
import { isChecksumOf } from './migration/checksum.ts';
import { type Migration, readMigrations } from './migration/file.ts';
import { schemaFingerprint } from './postgres/fingerprint.ts';
import { type Project, reading, targetNamed } from './project.ts';
import { fingerprintAfterApply } from './promotion/gather.ts';

/** One environment, as it stands. */
export interface EnvironmentStatus {
  readonly name: string;
  /** Host, port and database; null when no address is known. */
  readonly database: string | null;
  /** Why the environment could not be read; null when it was. */
  readonly problem: string | null;
  readonly marked: boolean;
  /** Name of the last migration in force; null when there is none. */
  readonly last: string | null;
  readonly lastAt: Date | null;
  readonly pending: readonly string[];
  /** Migrations of which only some steps are in force. */
  readonly partial: readonly string[];
  /** Migrations whose file was edited after they were applied. */
  readonly edited: readonly string[];
  /** Migrations in force that the folder has no file of, such as those of another branch. */
  readonly withoutFile: readonly string[];
  /** True when the schema is not the one that the last apply left behind. */
  readonly drifted: boolean;
  /** Commands that began and never told their end: killed, or still at work. */
  readonly unfinished: readonly {
    readonly command: string;
    readonly at: string;
    readonly who: string;
  }[];
  readonly health: { readonly healthy: boolean; readonly at: Date } | null;
}

const dayMs = 24 * 3_600_000;

/** The status of one environment or of all. An environment that cannot be read says why. */
export async function statusOf(
  project: Project,
  name: string | undefined,
): Promise<readonly EnvironmentStatus[]> {
  const migrations = await readMigrations(project.config.migrations);
  const environments =
    name === undefined ? project.config.environments : [targetNamed(project, name).environment];
  return Promise.all(
    environments.map((environment) => environmentStatus(project, environment, migrations)),
  );
}

async function environmentStatus(
  project: Project,
  environment: Environment,
  migrations: readonly Migration[],
): Promise<EnvironmentStatus> {
  const nothing: EnvironmentStatus = {
    name: environment.name,
    database: environment.address?.label ?? null,
    problem: null,
    marked: false,
    last: null,
    lastAt: null,
    pending: migrations.map((migration) => migration.name),
    partial: [],
    edited: [],
    withoutFile: [],
    drifted: false,
    unfinished: [],
    health: null,
  };
  try {
    const target = targetNamed(project, environment.name);
    return await reading(project, target, async (database) => {
      const ledger = await readLedger(database);
      const journal = await readJournal(database);
      const expected = fingerprintAfterApply(journal);
      const since = new Date(project.context.clock.now().getTime() - dayMs);
      const sample = (await readSamples(database, since)).at(-1);
      return {
        ...nothing,
        ...compare(migrations, ledger),
        marked: (await readMarker(database)) !== undefined,
        drifted: expected !== undefined && expected !== (await schemaFingerprint(database)),
        unfinished: unfinishedCommands(journal),
        health: sample === undefined ? null : { healthy: sample.healthy, at: sample.at },
      };
    });
  } catch (failure) {
    if (failure instanceof Failure && failure.code === 'interrupted') throw failure;
    return { ...nothing, problem: messageOf(failure) };
  }
}

function compare(
  migrations: readonly Migration[],
  ledger: readonly LedgerRow[],
): Pick<EnvironmentStatus, 'last' | 'lastAt' | 'pending' | 'partial' | 'edited' | 'withoutFile'> {
  const files = new Set(migrations.map(({ version }) => version));
  const rows = new Map(ledger.map((row) => [row.version, row]));
  const last = ledger.at(-1);
  return {
    last: last?.name ?? null,
    lastAt: last?.appliedAt ?? null,
    pending: migrations.filter(({ version }) => !rows.has(version)).map(({ name }) => name),
    partial: ledger.filter((row) => row.state === 'partial').map(({ name }) => name),
    edited: migrations
      .filter((migration) => {
        const row = rows.get(migration.version);
        return row !== undefined && !isChecksumOf(row.checksum, migration);
      })
      .map(({ name }) => name),
    withoutFile: ledger.filter(({ version }) => !files.has(version)).map(({ name }) => name),
  };
}

// The commands of a journal (newest first) that have a beginning and no end.
function unfinishedCommands(journal: readonly JournalRow[]): EnvironmentStatus['unfinished'] {
  const ended = new Set(
    journal.filter(({ entry }) => entry.phase !== 'begun').map(({ entry }) => entry.run),
  );
  return journal
    .filter(({ entry }) => entry.phase === 'begun' && !ended.has(entry.run))
    .map(({ entry: { command, at, who } }) => ({ command, at, who }));
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
