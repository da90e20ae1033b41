// Runs a plan on a copy with the very code that will run it for real, and writes down what each
// statement really did.

import type { ApplyReport, StatementObserver } from '../apply/report.ts';
import { type Context, step } from '../core/context.ts';
import { noRoomForCopy, saysDiskIsFull } from '../core/copy-room.ts';
import { formatDuration } from '../core/duration.ts';
import { Failure, withCleanup } from '../core/failure.ts';
import type { Plan } from '../migration/plan.ts';
import type { Address } from '../postgres/address.ts';
import { heldMs, longestBlocking } from './locks.ts';
import { type LockReader, watchStatements } from './observe.ts';
import { readTables, type TableFigures, tableChanges } from './observe-tables.ts';
import type { ObservedFacts } from './observe-work.ts';
import type { CopyOrigin, RehearsalParts, RehearsalReport } from './report.ts';
import type { RehearsedStatement } from './statement.ts';

/** What a statement says of itself: functions of the check, handed in. */
export interface StatementReader {
  readonly locksOf: LockReader;
  /** Tables that it takes rows from by name: DELETE, TRUNCATE, DROP TABLE. */
  readonly emptiedBy: (sql: string) => Promise<readonly string[]>;
}

/** Something that looks at the copy around the plan, and adds its part to the report. */
export interface AroundPlan {
  before(copy: Address): Promise<void>;
  after(copy: Address): Promise<RehearsalParts>;
}

/** What a rehearsal needs. */
export interface RehearsalOptions {
  /** The plan for the copy. */
  readonly plan: Plan;
  /** The copy: a database that nobody else uses. */
  readonly copy: Address;
  readonly origin: CopyOrigin;
  readonly reader: StatementReader;
  readonly around?: readonly AroundPlan[];
  /** Runs the plan on the copy: the same function that will run it for real. */
  readonly apply: (observer: StatementObserver) => Promise<ApplyReport>;
}

/** A rehearsal with the figures of the copy before it, for a forecast. */
export interface Rehearsed {
  readonly report: RehearsalReport;
  readonly tablesBefore: ReadonlyMap<string, TableFigures>;
}

/**
 * Rehearses a plan.
 *
 * @throws `rehearsal/failed` with the statement that failed: the same would have happened in the
 *   environment
 */
export async function rehearse(context: Context, options: RehearsalOptions): Promise<Rehearsed> {
  const { copy, plan, origin, around = [] } = options;
  return step(
    context,
    `rehearse on the ${origin.from === 'backup' ? 'restored ' : ''}copy`,
    async (reporter) => {
      const startedAt = context.clock.now().toISOString();
      const tablesBefore = await readTables(copy, context.signal);
      for (const each of around) await each.before(copy);
      const { statements, serverVersion } = await runWatched(options);
      const emptied = await Promise.all(statements.map(({ sql }) => options.reader.emptiedBy(sql)));
      const tables = tableChanges(
        tablesBefore,
        await readTables(copy, context.signal),
        new Set(emptied.flat()),
      );
      const parts: RehearsalParts[] = [];
      for (const each of around) parts.push(await each.after(copy));
      const totalMs = statements.reduce((sum, { ms }) => sum + ms, 0);
      reporter.summary(`statements: ${statements.length}, in ${formatDuration(totalMs)}`);
      const longest = longestBlocking(statements.flatMap(({ locks }) => locks));
      const report: RehearsalReport = {
        kind: 'rehearsal',
        version: 1,
        plan: plan.digest,
        startedAt,
        endedAt: context.clock.now().toISOString(),
        outcome: 'done',
        environment: plan.environment,
        copy: origin,
        serverVersion,
        statements,
        totalMs,
        longestBlock: longest,
        tables,
        ...Object.assign({}, ...parts),
      };
      return { report, tablesBefore };
    },
  );
}

async function runWatched({ copy, reader, apply }: RehearsalOptions): Promise<{
  readonly statements: readonly RehearsedStatement[];
  readonly serverVersion: number;
}> {
  const watch = await watchStatements({ copy, locksOf: reader.locksOf });
  return await withCleanup(
    async () => {
      const applied = await apply(watch.observer).catch((failure: unknown) => {
        throw rehearsalFailure(failure);
      });
      const statements = joined(applied, watch.facts());
      return { statements, serverVersion: watch.serverVersion };
    },
    async () => await watch[Symbol.asyncDispose](),
  );
}

// Both lists are in the order in which the statements ran.
function joined(
  { statements }: ApplyReport,
  facts: readonly ObservedFacts[],
): readonly RehearsedStatement[] {
  const watched = statements.flatMap(({ migration, line, sql, ms, rows }, index) => {
    const seen = facts[index];
    return seen === undefined ? [] : [{ migration, line, sql, ms, rows, ...seen }];
  });
  const held = heldMs(watched);
  return watched.map((statement, index) => ({
    ...statement,
    locks: statement.locks.map(({ seenMs, ...lock }) => ({
      ...lock,
      ms: seenMs ?? held[index] ?? 0,
    })),
  }));
}

function rehearsalFailure(failure: unknown): unknown {
  if (!(failure instanceof Failure) || failure.code === 'interrupted') return failure;
  if (saysDiskIsFull(failure.message)) return noRoomForCopy(failure.message);
  return new Failure({
    code: 'rehearsal/failed',
    message: `the rehearsal failed on the copy: ${failure.message}`,
    hint: `Correct the migration, then rehearse again with: drydock rehearse`,
    details: failure.details,
    cause: failure,
  });
}
