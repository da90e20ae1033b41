// What a person decides about a migration that stopped half-way, or that was done by hand: go on with a
// corrected file, leave the rest, or say that it is done. Each is in the journal, with who and why.

import { join } from 'node:path';
import { clearLeavings } from '../apply/clear-leavings.ts';
import { Failure } from '../core/failure.ts';
import { type LedgerEntry, type LedgerRow, readLedger, recordDecision } from '../history/ledger.ts';
import { forgetBeginnings, readSteps } from '../history/steps.ts';
import {
  type Migration,
  migrationFiles,
  readMigration,
  readMigrations,
} from '../migration/file.ts';
import { stepDigest } from '../migration/steps.ts';
import { compareVersions, versionOf } from '../migration/version.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { doing, type Project, reading, type Target, targetNamed } from './project.ts';

/** What became of a decision. */
export interface DecisionReport {
  readonly environment: string;
  readonly migration: string;
  /** `cleared`: nothing of it was in force; what it left behind is gone, and it is pending as before. */
  readonly decision: 'marked as applied' | 'abandoned' | 'cleared' | 'declined';
  readonly stepsDone: number;
  readonly stepsTotal: number;
}

/** What a person is asked before a decision is written. */
export type AskDecision = (target: Target, question: string) => Promise<boolean>;

/**
 * Leaves the rest of the migration that stopped half-way: what is in force stays, the rest will not be
 * run. Where nothing is in force, what it left behind is cleared away and it is pending as before.
 *
 * @throws `migration/nothing-half-done`
 */
export async function abandonMigration(
  project: Project,
  request: {
    readonly environment: string;
    readonly reason: string | undefined;
    readonly ask: AskDecision;
  },
): Promise<DecisionReport> {
  const target = targetNamed(project, request.environment);
  const migrations = await readMigrations(project.config.migrations);
  const { migration, row } = await reading(project, target, (database) =>
    halfDone(database, migrations, request.environment),
  );
  const facts = factsOf(target, migration, row);
  const { stepsDone, stepsTotal } = facts;
  const question =
    stepsDone === 0
      ? `Nothing of ${migration.name} is in force; what it left behind will be cleared away. Do so?`
      : `${stepsDone} of ${stepsTotal} steps of ${migration.name} stay in force, the rest will never be run. Abandon it?`;
  if (!(await request.ask(target, question))) return { ...facts, decision: 'declined' };
  return doing(project, target, { command: 'abandon', changes: true }, async () => {
    await clearLeavings(project.context, target.address, { migration, stepIndex: stepsDone });
    const decision = stepsDone === 0 ? 'cleared' : 'abandoned';
    await using database = await connect(target.address, { purpose: 'abandon' });
    await database.transaction(async () => {
      await forgetBeginnings(database, migration.version);
      if (decision === 'cleared') return;
      const { reason } = request;
      await recordDecision(database, entryOf(project, migration, stepsDone), {
        state: 'abandoned',
        reason,
      });
    });
    const result = { ...facts, decision } as const;
    return { result, details: { ...result, reason: request.reason ?? null } };
  });
}

/**
 * Says that a migration is in force although Drydock did not run it, or not all of it. Nothing is run.
 *
 * @throws `migration/not-found`; `migration/already-in-force`
 */
export async function markApplied(
  project: Project,
  request: {
    readonly environment: string;
    /** Number of the migration. */
    readonly migration: string;
    readonly reason: string;
    readonly ask: AskDecision;
  },
): Promise<DecisionReport> {
  const target = targetNamed(project, request.environment);
  const migration = await migrationNumbered(project, request.migration);
  const ledger = await reading(project, target, readLedger);
  const row = ledger.find(({ version }) => version === migration.version);
  if (row?.state === 'complete') throw alreadyInForce(target, migration);
  const facts = factsOf(target, migration, row);
  const question = `Nothing of ${migration.name} will be run; it will count as applied to ${target.environment.name}. Is all of it in force?`;
  if (!(await request.ask(target, question))) return { ...facts, decision: 'declined' };
  return doing(project, target, { command: 'mark-applied', changes: true }, async () => {
    await using database = await connect(target.address, { purpose: 'mark applied' });
    const { reason } = request;
    await database.transaction(async () => {
      await forgetBeginnings(database, migration.version);
      await recordDecision(database, entryOf(project, migration, facts.stepsTotal), {
        state: 'complete',
        reason,
      });
    });
    const result = { ...facts, decision: 'marked as applied' } as const;
    return { result, details: { ...result, reason } };
  });
}

/**
 * The version whose file may have been edited: it stopped half-way, and its steps in force are as they
 * were.
 *
 * @throws `migration/steps-changed`; `migration/nothing-half-done`
 */
export async function resumableVersion(
  database: Database,
  migrations: readonly Migration[],
  environment: string,
): Promise<string> {
  const { migration, row } = await halfDone(database, migrations, environment);
  const digests = new Map(
    (await readSteps(database, migration.version))
      .filter(({ outcome }) => outcome === 'done' || outcome === 'found done')
      .map(({ step, digest }) => [step, digest]),
  );
  for (let step = 1; step <= (row?.stepsDone ?? 0); step += 1) {
    const now = migration.steps[step - 1];
    if (now === undefined || stepDigest(now) !== digests.get(step)) {
      throw stepsChanged(migration, step);
    }
  }
  return migration.version;
}

// The one that stopped: some steps are in force, or one outside a transaction was begun.
async function halfDone(
  database: Database,
  migrations: readonly Migration[],
  environment: string,
): Promise<{ migration: Migration; row: LedgerRow | undefined }> {
  const rows = new Map((await readLedger(database)).map((row) => [row.version, row]));
  for (const migration of migrations) {
    const row = rows.get(migration.version);
    if (row?.state === 'partial') return { migration, row };
    if (row !== undefined) continue;
    const steps = await readSteps(database, migration.version);
    if (steps.some(({ before }) => before !== null)) return { migration, row };
  }
  throw new Failure({
    code: 'migration/nothing-half-done',
    message: `no migration of ${environment} stopped half-way`,
    hint: `See what is pending, then apply it: drydock apply ${environment} --dry-run`,
  });
}

function factsOf(
  { environment }: Target,
  { name, steps }: Migration,
  row: LedgerRow | undefined,
): Omit<DecisionReport, 'decision'> {
  return {
    environment: environment.name,
    migration: name,
    stepsDone: row?.stepsDone ?? 0,
    stepsTotal: steps.length,
  };
}

function entryOf({ actor }: Project, migration: Migration, stepsDone: number): LedgerEntry {
  const { version, name, checksum, steps } = migration;
  return {
    ...{ version, name, checksum, stepsDone },
    plan: '',
    stepsTotal: steps.length,
    appliedBy: `${actor.who}@${actor.host}`,
    durationMs: 0,
    backup: null,
  };
}

async function migrationNumbered(project: Project, number: string): Promise<Migration> {
  const folder = project.config.migrations;
  const version = versionOf(number);
  const file = migrationFiles(folder).find(
    (each) => version !== '' && compareVersions(versionOf(each), version) === 0,
  );
  if (file !== undefined) return await readMigration(join(folder, file));
  throw new Failure({
    code: 'migration/not-found',
    message: `there is no migration ${number} in ${folder}`,
    hint: `Name it by its number, such as 008; the files are listed by: ls ${folder}`,
  });
}

function alreadyInForce({ environment }: Target, { name }: Migration): Failure {
  return new Failure({
    code: 'migration/already-in-force',
    message: `${name} is in force in ${environment.name} already`,
    hint: `See where it stands: drydock status ${environment.name}`,
  });
}

function stepsChanged({ name, path }: Migration, step: number): Failure {
  return new Failure({
    code: 'migration/steps-changed',
    message: `step ${step} of ${name} is in force and was edited`,
    hint: `Bring the steps that are in force back as they were; only what comes after them may change: git diff -- ${path}`,
    details: { step },
  });
}
