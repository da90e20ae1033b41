// What a person says is right as it is: a file that was edited after it was applied, a schema that was
// changed by hand. Only Drydock's own schema is written to, a reason is given, and the journal keeps it.

import { join } from 'node:path';
import { Failure } from '../core/failure.ts';
import { schemaDrift } from '../history/expected-schema.ts';
import { type LedgerRow, readLedger, recordChecksum } from '../history/ledger.ts';
import { isChecksumOf } from '../migration/checksum.ts';
import { type Migration, migrationFiles, readMigration } from '../migration/file.ts';
import { compareVersions, versionOf } from '../migration/version.ts';
import { connect } from '../postgres/connect.ts';
import { expectSchemaNow, noticeBeforeChange } from './drift.ts';
import { doing, type Project, reading, targetNamed } from './project.ts';

/** An edited file that a person stands for. */
export interface ResignRequest {
  readonly environment: string;
  /** Number of the migration, name of its file, or path. */
  readonly migration: string;
  readonly reason: string;
}

/** What became of it. */
export interface ResignReport {
  readonly environment: string;
  readonly migration: string;
  /** False when the file says what the applied one said all along. */
  readonly changed: boolean;
}

/**
 * Takes the file of a migration as it is now for the one that was applied: the ledger gets its checksum.
 * Nothing of it is run.
 *
 * @throws `migration/not-in-force` when the environment does not have it; `migration/not-found` when the
 *   folder has no such file; `migration/steps-changed` when only some steps are in force and the file
 *   has another number of them
 */
export async function resignMigration(
  project: Project,
  request: ResignRequest,
): Promise<ResignReport> {
  const target = targetNamed(project, request.environment);
  const migration = await migrationNamed(project, request.migration);
  const { version, checksum } = migration;
  const ledger = await reading(project, target, readLedger);
  const row = ledger.find((each) => compareVersions(each.version, version) === 0);
  if (row === undefined) throw notInForce(request.environment, migration);
  const report = { environment: request.environment, migration: migration.name };
  if (isChecksumOf(row.checksum, migration)) return { ...report, changed: false };
  if (row.state === 'partial') assertSameSteps(row, migration);
  return doing(project, target, { command: 'resign', changes: true }, async () => {
    await using database = await connect(target.address, { purpose: 'resign' });
    await recordChecksum(database, { version: row.version, checksum });
    const { name } = migration;
    const details = {
      migration: name,
      reason: request.reason,
      before: row.checksum,
      after: checksum,
    };
    return { result: { ...report, changed: true }, details };
  });
}

/** What became of a schema that a person stands for. */
export interface AdoptReport {
  readonly environment: string;
  /** What is accepted, in words; empty when nothing was known or nothing differs. */
  readonly accepted: readonly string[];
  readonly fingerprint: string;
}

/** Takes the schema of an environment as it is for the expected one. */
export async function adoptSchema(
  project: Project,
  request: Pick<ResignRequest, 'environment' | 'reason'>,
): Promise<AdoptReport> {
  const target = targetNamed(project, request.environment);
  return doing(project, target, { command: 'adopt', changes: true }, async () => {
    await noticeBeforeChange(target);
    const accepted = await reading(project, target, schemaDrift);
    const fingerprint = await expectSchemaNow(target);
    const result = { environment: request.environment, accepted, fingerprint };
    return { result, details: { reason: request.reason, accepted, fingerprint } };
  });
}

async function migrationNamed(project: Project, name: string): Promise<Migration> {
  const folder = project.config.migrations;
  const version = versionOf(name);
  const file = migrationFiles(folder).find(
    (each) => version !== '' && compareVersions(versionOf(each), version) === 0,
  );
  if (file !== undefined) return await readMigration(join(folder, file));
  throw new Failure({
    code: 'migration/not-found',
    message: `there is no migration ${name} in ${folder}`,
    hint: `Name it by its number, such as 008; the files are listed by: ls ${folder}`,
  });
}

function notInForce(environment: string, { name, version }: Migration): Failure {
  return new Failure({
    code: 'migration/not-in-force',
    message: `${name} is not in force in ${environment}`,
    hint: `An edited file that was never applied needs no word: drydock apply ${environment}`,
    details: { environment, version },
  });
}

// The number of steps that are in force is all that the ledger knows of them.
function assertSameSteps(row: LedgerRow, migration: Migration): void {
  const steps = Math.max(1, migration.steps.length);
  if (steps === row.stepsTotal) return;
  throw new Failure({
    code: 'migration/steps-changed',
    message: `${migration.name} has ${steps} steps now, and ${row.stepsDone} of ${row.stepsTotal} are in force`,
    hint: `Keep the steps that are in force as they were, and the number of steps: git diff -- ${migration.path}`,
  });
}
