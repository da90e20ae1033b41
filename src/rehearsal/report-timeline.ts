// When each statement ran on the copy and which locks kept others waiting meanwhile, for pictures.

import { formatBytes } from '../core/duration.ts';
import { thousands } from '../core/thousands.ts';
import type { HeldLock } from './locks.ts';
import type { RehearsedStatement } from './statement.ts';

/** A stretch of time from the beginning of the plan. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A statement with its stretch of time, and those of its locks that blocked others. */
export interface TimedStatement extends Span {
  readonly statement: RehearsedStatement;
  readonly locks: readonly (HeldLock & Span)[];
}

/** The plan in time; what lies between the statements is left out. */
export function timelineOf(statements: readonly RehearsedStatement[]): readonly TimedStatement[] {
  let clock = 0;
  return statements.map((statement) => {
    const fromMs = clock;
    clock += statement.ms;
    const locks = statement.locks
      .filter(({ blocks }) => blocks !== 'nothing')
      .map((lock) => ({ ...lock, fromMs, toMs: fromMs + lock.ms }));
    return { statement, fromMs, toMs: clock, locks };
  });
}

/** What a statement did, one fact a text: `rewrites users (12.4 MB)`, `reads 1,000 rows of users`. */
export function factsOf(statement: RehearsedStatement): readonly string[] {
  const { scans, changes, temporaryFiles, walBytes } = statement;
  const count = (rows: number): string => thousands(rows);
  return [
    ...statement.rewrites.map(
      ({ relation, bytes }) => `rewrites ${relation} (${formatBytes(bytes)})`,
    ),
    ...statement.truncated.map((relation) => `empties ${relation}`),
    ...scans.map(({ relation, rows }) => `reads ${count(rows)} rows of ${relation}`),
    ...statement.indexBuilds.map(({ index }) => `builds ${index}`),
    ...statement.notValidated.map((what) => `need not check ${what}`),
    ...changes.flatMap(({ relation, inserted, updated, deleted }) => [
      ...(inserted > 0 ? [`inserts ${count(inserted)} rows into ${relation}`] : []),
      ...(updated > 0 ? [`updates ${count(updated)} rows of ${relation}`] : []),
      ...(deleted > 0 ? [`deletes ${count(deleted)} rows of ${relation}`] : []),
    ]),
    ...statement.dropped.map((object) => `also drops ${object}`),
    ...(temporaryFiles.count > 0
      ? [`writes ${formatBytes(temporaryFiles.bytes)} of temporary files`]
      : []),
    ...(walBytes >= worthTelling ? [`${formatBytes(walBytes)} of WAL`] : []),
  ];
}

const worthTelling = 1_048_576;
