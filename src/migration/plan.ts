// The plan: which migrations an environment lacks, in order, and the digest that names exactly them.

import { canonicalJson, sha256 } from '../core/digest.ts';
import { Failure } from '../core/failure.ts';
import type { LedgerRow } from '../history/ledger.ts';
import type { Migration } from './file.ts';
import { compareVersions } from './version.ts';

/** A migration that is still to be run, from its first step that is not in force yet. */
export interface PlannedMigration {
  readonly migration: Migration;
  /** Index of the first step to run; above 0 when an earlier run stopped half-way. */
  readonly fromStep: number;
}

/** The ordered pending migrations for one environment. */
export interface Plan {
  readonly environment: string;
  /** Digest of the normalised content of the pending migrations: equal content, equal digest. */
  readonly digest: string;
  readonly pending: readonly PlannedMigration[];
}

/** What a plan is made of. */
export interface PlanParts {
  readonly environment: string;
  /** Every migration of the folder, in order. */
  readonly migrations: readonly Migration[];
  readonly ledger: readonly LedgerRow[];
  /** Version of the last migration to run; all pending ones when left out. */
  readonly upTo?: string | undefined;
}

/**
 * Decides what is to be run.
 *
 * @throws `migration/checksum-mismatch` when a file was edited after it was applied;
 *   `migration/out-of-order` when a pending migration is older than one in force
 */
export function makePlan(parts: PlanParts): Plan {
  const inForce = new Map(parts.ledger.map((row) => [row.version, row]));
  const edited = parts.migrations.filter((migration) => {
    const row = inForce.get(migration.version);
    return row !== undefined && row.checksum !== migration.checksum;
  });
  if (edited.length > 0) throw checksumMismatch(parts.environment, edited, inForce);
  const pending = parts.migrations
    .filter((migration) => inForce.get(migration.version)?.state !== 'complete')
    .filter(({ version }) => parts.upTo === undefined || compareVersions(version, parts.upTo) <= 0);
  assertInOrder(parts, pending);
  return {
    environment: parts.environment,
    digest: planDigest(pending),
    pending: pending.map((migration) => ({
      migration,
      fromStep: inForce.get(migration.version)?.stepsDone ?? 0,
    })),
  };
}

function planDigest(
  migrations: readonly Pick<Migration, 'version' | 'name' | 'checksum'>[],
): string {
  return sha256(
    canonicalJson(migrations.map(({ version, name, checksum }) => ({ version, name, checksum }))),
  );
}

/** The names of the pending migrations, for people. */
export function planNames(plan: Plan): readonly string[] {
  return plan.pending.map(({ migration }) => migration.name);
}

function assertInOrder(parts: PlanParts, pending: readonly Migration[]): void {
  const newest = parts.ledger
    .map((row) => row.version)
    .sort(compareVersions)
    .at(-1);
  const late = pending.find(
    ({ version }) =>
      newest !== undefined &&
      compareVersions(version, newest) < 0 &&
      !parts.ledger.some((row) => row.version === version),
  );
  if (late === undefined) return;
  throw new Failure({
    code: 'migration/out-of-order',
    message: `${late.name} is pending in ${parts.environment}, where ${newest} is in force already`,
    hint: `Give it a number after ${newest}, so that every environment runs the same order.`,
    details: { pending: late.name, newest },
  });
}

function checksumMismatch(
  environment: string,
  edited: readonly Migration[],
  inForce: ReadonlyMap<string, LedgerRow>,
): Failure {
  const names = edited.map((migration) => migration.name).join(', ');
  return new Failure({
    code: 'migration/checksum-mismatch',
    message: `${names} ${edited.length === 1 ? 'was' : 'were'} edited after being applied to ${environment}`,
    hint: `Bring the file back as it was (git log -- ${edited[0]?.path}) and write the change as a new migration: drydock new NAME`,
    details: {
      edited: edited.map(({ version, name, checksum }) => ({
        name,
        file: checksum,
        ledger: inForce.get(version)?.checksum,
      })),
    },
  });
}
