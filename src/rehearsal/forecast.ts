// From what was seen on the copy to what the environment would feel. Pure: the same observation and
// the same figures give the same forecast.

import type { Blocked, LockMode } from '../postgres/table-lock.ts';
import type { EnvironmentFigures, TableTraffic } from './forecast-environment.ts';
import type { TableFigures } from './observe-tables.ts';
import type { RehearsedStatement } from './statement.ts';

/** How sure a figure is: as on a copy of the same size, scaled from a smaller one, or not known. */
export type Confidence = 'measured' | 'scaled' | 'unknown';

/** What an environment allows. */
export interface Budget {
  /** The longest time for which a lock may keep readers or writers of a table with traffic waiting. */
  readonly blocksForMs: number;
}

/** A lock as the environment would feel it. */
export interface ForecastLock {
  readonly relation: string;
  /** `ROWS`: not the table, but the rows that a statement changed, until its COMMIT. */
  readonly mode: LockMode | 'ROWS';
  readonly blocks: Blocked;
  readonly ms: number;
  /** Queries that it would keep waiting, by the second; null when the traffic is not known. */
  readonly perSecond: number | null;
  /** How many would wait by its end; null when the traffic is not known. */
  readonly waiting: number | null;
  readonly isOverBudget: boolean;
}

/** A statement as the environment would feel it. */
export interface StatementForecast {
  readonly ms: number;
  readonly confidence: Confidence;
  /** The locks that keep others waiting, longest first. */
  readonly locks: readonly ForecastLock[];
}

/** What the plan would do to the environment. */
export interface Forecast {
  readonly budget: Budget;
  /** The environment's figures; null when it could not be read. */
  readonly environment: EnvironmentFigures | null;
  /** One for each statement of the report, in its order. */
  readonly statements: readonly StatementForecast[];
  readonly totalMs: number;
  readonly walBytes: number;
  /** Space that is needed beside what is there: new files, write-ahead log, temporary files. */
  readonly diskBytes: number;
  readonly confidence: Confidence;
}

/** What a forecast is made from. */
export interface ForecastInput {
  readonly statements: readonly RehearsedStatement[];
  /** The tables of the copy before the plan. */
  readonly copy: ReadonlyMap<string, TableFigures>;
  /** True for a copy with all rows of the environment: its times need no scaling to be meant. */
  readonly isWhole: boolean;
  readonly environment: EnvironmentFigures | null;
  readonly budget: Budget;
}

// Less than one query in ten seconds is no traffic: a nightly backup, a person who looks.
const leastTraffic = 0.1;
// Statistics are estimates: what is as near as this is the same size.
const sameSize = 1.25;

/** Makes a forecast. */
export function forecast(input: ForecastInput): Forecast {
  const { statements, environment, budget } = input;
  const scales = statements.map((statement) => scaleOf(statement, input));
  const times = statements.map(({ ms }, index) => ms * (scales[index]?.factor ?? 1));
  const forecasts = statements.map((statement, index): StatementForecast => {
    const heldMs =
      statement.transaction === null
        ? null
        : statements.reduce(
            (sum, { transaction }, at) =>
              at >= index && transaction === statement.transaction ? sum + (times[at] ?? 0) : sum,
            0,
          );
    const factor = scales[index]?.factor ?? 1;
    const locks = [
      ...statement.locks
        .filter(({ blocks }) => blocks !== 'nothing')
        .map((lock) => ({ ...lock, share: 1, ms: heldMs ?? lock.ms * factor })),
      ...rowLocks(statement, input, heldMs),
    ]
      .filter((lock) => !isHeldAlready(lock, index, statements))
      .map((lock) => felt(lock, input));
    return {
      ms: times[index] ?? 0,
      confidence: scales[index]?.confidence ?? 'unknown',
      locks: locks.sort((a, b) => b.ms - a.ms),
    };
  });
  const scaled = (what: (statement: RehearsedStatement) => number): number[] =>
    statements.map((statement, index) => what(statement) * (scales[index]?.factor ?? 1));
  const walBytes = sum(scaled(({ walBytes: bytes }) => bytes));
  return {
    budget,
    environment,
    statements: forecasts,
    totalMs: sum(times),
    walBytes,
    diskBytes:
      walBytes +
      Math.max(0, ...scaled(({ temporaryFiles }) => temporaryFiles.bytes)) +
      newFiles(
        statements,
        scaled(({ newBytes }) => newBytes),
      ),
    confidence: worst(scales.map(({ confidence }) => confidence)),
  };
}

// Whoever waits for a lock that was taken earlier in the transaction waits for this one no longer.
function isHeldAlready(
  { relation, blocks }: Hold,
  index: number,
  statements: readonly RehearsedStatement[],
): boolean {
  const transaction = statements[index]?.transaction ?? null;
  return statements
    .slice(0, index)
    .some(
      (earlier) =>
        transaction !== null &&
        earlier.transaction === transaction &&
        earlier.locks.some(
          (lock) =>
            lock.relation === relation &&
            (lock.blocks === 'reads and writes' || lock.blocks === blocks),
        ),
    );
}

interface Scale {
  readonly factor: number;
  readonly confidence: Confidence;
}

// A statement's time grows with the rows that it reads, writes or builds from. One that does none of
// that changes the catalog alone, and takes as long on any size.
function scaleOf(statement: RehearsedStatement, input: ForecastInput): Scale {
  const { copy, environment, isWhole } = input;
  const worked = new Set(
    [
      ...statement.rewrites,
      ...statement.scans,
      ...statement.indexBuilds,
      ...statement.changes,
    ].flatMap(({ relation }) => (copy.has(relation) ? [relation] : [])),
  );
  if (worked.size === 0) return { factor: 1, confidence: 'measured' };
  if (environment === null) return { factor: 1, confidence: isWhole ? 'measured' : 'unknown' };
  const there = sum([...worked].map((name) => environment.tables[name]?.rows ?? 0));
  const here = sum([...worked].map((name) => copy.get(name)?.rows ?? 0));
  if (here === 0) return { factor: 1, confidence: there === 0 ? 'measured' : 'unknown' };
  const factor = there / here;
  return factor > sameSize || factor < 1 / sameSize
    ? { factor, confidence: 'scaled' }
    : { factor, confidence: 'measured' };
}

interface Hold {
  readonly relation: string;
  readonly mode: LockMode | 'ROWS';
  readonly blocks: Blocked;
  readonly ms: number;
  /** Share of the table's rows that are locked. */
  readonly share: number;
}

// UPDATE and DELETE keep their rows from every other writer until COMMIT (manual, 13.3.2).
function rowLocks(
  { changes, ms }: RehearsedStatement,
  { copy }: ForecastInput,
  heldMs: number | null,
): readonly Hold[] {
  return changes.flatMap(({ relation, updated, deleted }) => {
    const rows = copy.get(relation)?.rows ?? 0;
    const share = rows === 0 ? 0 : Math.min(1, (updated + deleted) / rows);
    if (share === 0) return [];
    return [{ relation, mode: 'ROWS', blocks: 'writes', ms: heldMs ?? ms, share }];
  });
}

function felt(hold: Hold, { environment, budget }: ForecastInput): ForecastLock {
  const { share, ...lock } = hold;
  const traffic = environment?.tables[lock.relation];
  const perSecond = environment === null ? null : rateOf(lock, traffic) * share;
  const waiting = perSecond === null ? null : Math.round((perSecond * lock.ms) / 1_000);
  // Of locked rows it counts whether somebody wants them, not how busy the table is.
  const isFelt = lock.mode === 'ROWS' ? waiting !== 0 : (perSecond ?? leastTraffic) >= leastTraffic;
  const isOverBudget = isFelt && lock.ms > budget.blocksForMs;
  return { ...lock, perSecond, waiting, isOverBudget };
}

function rateOf({ blocks }: Pick<Hold, 'blocks'>, traffic: TableTraffic | undefined): number {
  if (traffic === undefined) return 0;
  return blocks === 'writes' ? traffic.writesPerSecond : traffic.queriesPerSecond;
}

// The old files of a transaction stay beside the new ones until COMMIT; then they go.
function newFiles(statements: readonly RehearsedStatement[], bytes: readonly number[]): number {
  const byTransaction = new Map<number | string, number>();
  for (const [index, { transaction }] of statements.entries()) {
    const key = transaction ?? `alone ${index}`;
    byTransaction.set(key, (byTransaction.get(key) ?? 0) + (bytes[index] ?? 0));
  }
  return Math.max(0, ...byTransaction.values());
}

function worst(confidences: readonly Confidence[]): Confidence {
  return (['unknown', 'scaled'] as const).find((each) => confidences.includes(each)) ?? 'measured';
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
