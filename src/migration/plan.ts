// The plan: which migrations an environment lacks, in order, and the digest that names exactly them.

import type { OutOfOrder } from '../config/environment.ts';
import { canonicalJson, sha256 } from '../core/digest.ts';
import { Failure } from '../core/failure.ts';
import type { LedgerRow } from '../history/ledger.ts';
import { isChecksumOf } from './checksum.ts';
import { type Migration, type MigrationText, parseMigration } from './file.ts';
import { compareVersions } from './version.ts';

/** A migration that is still to be run, from its first step that is not in force yet. */
export interface PlannedMigration<M extends MigrationText = Migration> {
  readonly migration: M;
  /** Index of the first step to run; above 0 when an earlier run stopped half-way. */
  readonly fromStep: number;
}

/** The ordered pending migrations for one environment. */
export interface Plan<M extends MigrationText = Migration> {
  readonly environment: string;
  /** Digest of the normalised content of the pending migrations: equal content, equal digest. */
  readonly digest: string;
  readonly pending: readonly PlannedMigration<M>[];
  /** Names of the pending migrations that are older than one in force. */
  readonly late: readonly string[];
}

/** What a plan is made of. */
export interface PlanParts<M extends MigrationText = Migration> {
  readonly environment: string;
  /** Every migration of the folder, in order. */
  readonly migrations: readonly M[];
  readonly ledger: readonly LedgerRow[];
  /** Version of the last migration to run; all pending ones when left out. */
  readonly upTo?: string | undefined;
  /** Version of a migration that stopped half-way, whose file may have been corrected since. */
  readonly resumed?: string | undefined;
  /** `refuse` when left out. */
  readonly outOfOrder?: OutOfOrder;
}

/**
 * Decides what is to be run.
 *
 * @throws `migration/checksum-mismatch` when a file was edited after it was applied;
 *   `migration/out-of-order` when a pending migration is older than one in force
 */
export function makePlan<M extends MigrationText>(parts: PlanParts<M>): Plan<M> {
  const inForce = new Map(parts.ledger.map((row) => [row.version, row]));
  const edited = parts.migrations.filter((migration) => {
    const row = inForce.get(migration.version);
    if (row === undefined || migration.version === parts.resumed) return false;
    return !isChecksumOf(row.checksum, migration);
  });
  if (edited.length > 0) throw checksumMismatch(parts.environment, edited, inForce);
  const pending = parts.migrations
    .filter(({ version }) => (inForce.get(version)?.state ?? 'partial') === 'partial')
    .filter(({ version }) => parts.upTo === undefined || compareVersions(version, parts.upTo) <= 0);
  const late = lateOnes(parts.ledger, pending);
  if (late.length > 0 && (parts.outOfOrder ?? 'refuse') === 'refuse') throw outOfOrder(parts, late);
  return {
    environment: parts.environment,
    digest: planDigest(pending),
    pending: pending.map((migration) => ({
      migration,
      fromStep: inForce.get(migration.version)?.stepsDone ?? 0,
    })),
    late: late.map(({ name }) => name),
  };
}

/** The plan with what each of its migrations runs. What is in force already need not be parsed. */
export async function parsedPlan(plan: Plan<MigrationText>): Promise<Plan> {
  const pending = await Promise.all(
    plan.pending.map(async ({ migration, ...rest }) => ({
      ...rest,
      migration: await parseMigration(migration),
    })),
  );
  return { ...plan, pending };
}

function planDigest(
  migrations: readonly Pick<MigrationText, 'version' | 'name' | 'checksum'>[],
): string {
  return sha256(
    canonicalJson(migrations.map(({ version, name, checksum }) => ({ version, name, checksum }))),
  );
}

/** The names of the pending migrations, for people. */
export function planNames(plan: Plan<MigrationText>): readonly string[] {
  return plan.pending.map(({ migration }) => migration.name);
}

// One that is in force half-way was begun in its turn.
function lateOnes<M extends MigrationText>(
  ledger: readonly LedgerRow[],
  pending: readonly M[],
): readonly M[] {
  const newest = newestOf(ledger);
  if (newest === undefined) return [];
  const begun = new Set(ledger.map((row) => row.version));
  return pending.filter(
    ({ version }) => compareVersions(version, newest) < 0 && !begun.has(version),
  );
}

function newestOf(ledger: readonly LedgerRow[]): string | undefined {
  return ledger
    .map((row) => row.version)
    .sort(compareVersions)
    .at(-1);
}

function outOfOrder(
  { environment, ledger }: PlanParts<MigrationText>,
  late: readonly MigrationText[],
): Failure {
  const names = late.map(({ name }) => name).join(', ');
  const newest = newestOf(ledger);
  return new Failure({
    code: 'migration/out-of-order',
    message: `${names} ${late.length === 1 ? 'is' : 'are'} pending in ${environment}, where ${newest} is in force already`,
    hint: `Give ${late.length === 1 ? 'it a number' : 'them numbers'} after ${newest}, so that every environment runs the same order, or let it pass: environments.${environment}.outOfOrder: 'warn' in the configuration.`,
    details: { pending: late.map(({ name }) => name), newest },
  });
}

function checksumMismatch(
  environment: string,
  edited: readonly MigrationText[],
  inForce: ReadonlyMap<string, LedgerRow>,
): Failure {
  const names = edited.map((migration) => migration.name).join(', ');
  const isHalfDone = edited.every(({ version }) => inForce.get(version)?.state === 'partial');
  return new Failure({
    code: 'migration/checksum-mismatch',
    message: `${names} ${edited.length === 1 ? 'was' : 'were'} edited after being applied to ${environment}`,
    hint: isHalfDone
      ? `When you corrected what comes after its steps in force: drydock apply ${environment} --resume`
      : `Bring the file back as it was (git log -- ${edited[0]?.path}) and write the change as a new migration: drydock new NAME. Where the database is as the file now says: drydock resign ${environment} ${edited[0]?.version} --reason '…'`,
    details: {
      edited: edited.map(({ version, name, checksum }) => ({
        name,
        file: checksum,
        ledger: inForce.get(version)?.checksum,
      })),
    },
  });
}
