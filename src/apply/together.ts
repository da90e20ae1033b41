// Many small migrations in one message to the server: each is a transaction of its own, with its ledger
// row, but nobody waits for the answer to one before the next is sent. The server discards what stands
// behind a statement that fails, so the order is kept, and the ledger says how far it came.

import { markMigration } from '../history/migration-mark.ts';
import {
  prepareRecordTogether,
  recordTogetherSql,
  type SmallEntry,
} from '../history/record-together.ts';
import type { PlannedMigration } from '../migration/plan.ts';
import { emptyStep, stepDigest } from '../migration/steps.ts';
import type { Database } from '../postgres/connect.ts';
import { nothingSeen } from './guard.ts';
import { lockTimeoutMs } from './lock-wait.ts';
import { type ApplySession, preparationOf } from './session.ts';

// Below this the time saved is not worth that people see them come in one by one.
const fewestTogether = 8;
const mostTogether = 50;

/** The migrations in order: those that may be run together in one group, every other one in its own. */
export function groupsOf(
  pending: readonly PlannedMigration[],
): readonly (readonly PlannedMigration[])[] {
  const groups: PlannedMigration[][] = [];
  let open: PlannedMigration[] = [];
  const close = (): void => {
    if (open.length >= fewestTogether) groups.push(open);
    else groups.push(...open.map((planned) => [planned]));
    open = [];
  };
  for (const planned of pending) {
    if (!isSmall(planned)) close();
    open.push(planned);
    if (!isSmall(planned) || open.length === mostTogether) close();
  }
  close();
  return groups;
}

// What changes only the catalog leaves nothing in the session for the next one, and no rows to look at.
function isSmall({ migration, fromStep }: PlannedMigration): boolean {
  const [step, ...others] = migration.steps;
  return (
    fromStep === 0 &&
    others.length === 0 &&
    step?.changesOnlyCatalog === true &&
    step.statements.length === 1 &&
    step.verifications.length === 0
  );
}

/** What of a group came into force, with how long each took, in milliseconds. */
export type InForce = ReadonlyMap<string, number>;

/**
 * Runs a group, with the shortest wait for a lock and without another try: the first that does not come
 * into force, and all behind it, are left to be run one by one.
 *
 * @throws whatever ended it
 */
export async function runTogether(
  { database, guard, checksConnection }: ApplySession,
  group: readonly PlannedMigration[],
  {
    statementLimitMs,
    ...identity
  }: Pick<SmallEntry, 'plan' | 'appliedBy' | 'backup'> & { readonly statementLimitMs: number },
): Promise<void> {
  const { leftovers, settings } = preparationOf(
    { database, checksConnection },
    { migration: namesOf(group), step: emptyStep, isFirst: true, statementLimitMs },
  );
  const limitWaits = `SET lock_timeout = ${lockTimeoutMs('brief', 0)}`;
  await database.script([...leftovers, ...settings, limitWaits, prepareRecordTogether]);
  const statements = group.flatMap(({ migration: { version, name, checksum, steps } }) =>
    steps.flatMap((step) =>
      step.statements.flatMap(({ sql, line }) => {
        const entry = { version, name, checksum, ...identity, digest: stepDigest(step), line };
        return ['BEGIN', markMigration, sql, recordTogetherSql(entry), 'COMMIT'];
      }),
    ),
  );
  await guard.watch(database, nothingSeen(), () => database.script(statements));
}

/** Asks the ledger what of a group is in force. */
export async function inForceOf(
  database: Database,
  group: readonly PlannedMigration[],
): Promise<InForce> {
  const rows = await database.query<{ version: string; ms: number }>(
    `SELECT s.version, (extract(epoch FROM s.ended_at - s.started_at) * 1000)::float8 AS ms
       FROM drydock.ledger l JOIN drydock.steps s ON s.version = l.version AND s.outcome = 'done'
      WHERE l.version = ANY ($1)`,
    [group.map(({ migration }) => migration.version)],
  );
  return new Map(rows.map(({ version, ms }) => [version, ms]));
}

/** A group for people. */
export function namesOf(group: readonly PlannedMigration[]): string {
  const [first, last] = [group[0], group.at(-1)].map((each) => each?.migration.name ?? '');
  return group.length === 1 ? `${first}` : `${group.length} migrations, ${first} to ${last}`;
}
