// Runs a plan on a restored copy with the very code that will run it in production, and writes down
// what each statement really did: its time, its rows, the locks it took on tables that existed before.

import type { ApplyReport, StatementObserver } from '../apply/report.ts';
import { type Context, step } from '../core/context.ts';
import { formatDuration } from '../core/duration.ts';
import type { Evidence } from '../core/evidence.ts';
import { Failure } from '../core/failure.ts';
import type { Plan } from '../migration/plan.ts';
import type { Address } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';
import { type ObservedLock, observeLocks, strongestBlocking } from './locks.ts';

/** One statement of the plan, as it went on the copy. */
export interface RehearsedStatement {
  readonly migration: string;
  readonly line: number;
  readonly sql: string;
  readonly ms: number;
  readonly rows: number | null;
  /** Locks that this statement took on relations that existed before, held until its COMMIT. */
  readonly locks: readonly ObservedLock[];
}

/** The evidence of a rehearsal. */
export interface RehearsalReport extends Evidence {
  readonly kind: 'rehearsal';
  readonly environment: string;
  /** File name of the backup that the copy was restored from. */
  readonly backup: string;
  readonly statements: readonly RehearsedStatement[];
  readonly totalMs: number;
  /** The strongest lock that blocked others, and how long it was held; null when none was. */
  readonly longestBlock: {
    readonly relation: string;
    readonly mode: string;
    readonly ms: number;
  } | null;
}

/** What a rehearsal needs. */
export interface RehearsalOptions {
  /** The plan for the copy. */
  readonly plan: Plan;
  /** The copy: a database that nobody else uses, restored from `backup`. */
  readonly copy: Address;
  readonly backup: string;
  /** Runs the plan on the copy: the same function that will run it in production. */
  readonly apply: (observer: StatementObserver) => Promise<ApplyReport>;
}

/**
 * Rehearses a plan.
 *
 * @throws `rehearsal/failed` with the statement that failed: the same would have happened in the
 *   environment
 */
export async function rehearse(
  context: Context,
  options: RehearsalOptions,
): Promise<RehearsalReport> {
  return step(context, `rehearse on the restored copy`, async (reporter) => {
    const startedAt = context.clock.now().toISOString();
    const locks = await observeLocks(await relationsBefore(options.copy));
    const applied = await options.apply(locks.observer).catch((failure: unknown) => {
      throw rehearsalFailure(failure);
    });
    const statements = applied.statements.map((statement) => ({
      ...statement,
      locks: locks.of(statement),
    }));
    const totalMs = applied.migrations.reduce((sum, migration) => sum + migration.ms, 0);
    reporter.summary(`statements: ${statements.length}, in ${formatDuration(totalMs)}`);
    return {
      kind: 'rehearsal',
      version: 1,
      plan: options.plan.digest,
      startedAt,
      endedAt: context.clock.now().toISOString(),
      outcome: 'done',
      environment: options.plan.environment,
      backup: options.backup,
      statements,
      totalMs,
      longestBlock: strongestBlocking(locks.held()),
    };
  });
}

// Only locks on what existed before can block anybody.
async function relationsBefore(copy: Address): Promise<readonly string[]> {
  await using database = await connect(copy, { purpose: 'rehearsal' });
  const rows = await database.query<{ oid: string }>(
    `SELECT c.oid::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^(pg_|information_schema$|drydock$)'`,
  );
  return rows.map((row) => row.oid);
}

function rehearsalFailure(failure: unknown): unknown {
  if (!(failure instanceof Failure) || failure.code === 'interrupted') return failure;
  return new Failure({
    code: 'rehearsal/failed',
    message: `the rehearsal failed on the restored copy: ${failure.message}`,
    hint: `Correct the migration, then rehearse again with: drydock rehearse`,
    details: failure.details,
    cause: failure,
  });
}
