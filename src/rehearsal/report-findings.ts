// Holds what the check claims of a statement against what the statement did: confirmed, overruled, or
// nothing that a server could show.

import { basename } from 'node:path';
import { formatDuration } from '../core/duration.ts';
import type { Finding } from '../lint/finding.ts';
import { isAtLeast } from '../postgres/table-lock.ts';
import type { RehearsedStatement } from './statement.ts';

/** A finding and what became of it on the copy. */
export interface JudgedFinding {
  readonly rule: string;
  readonly severity: Finding['severity'];
  readonly migration: string;
  readonly line: number;
  /** `not shown`: it is about something else than what a server does (names, other sessions, words). */
  readonly verdict: 'confirmed' | 'overruled' | 'not shown';
  /** What was seen in its place; empty for `not shown`. */
  readonly seen: string;
}

/** Work that was seen and that no finding claims. */
export interface UnclaimedWork {
  readonly migration: string;
  readonly line: number;
  readonly seen: string;
}

/** The check, held against the rehearsal. */
export interface JudgedCheck {
  readonly findings: readonly JudgedFinding[];
  readonly unclaimed: readonly UnclaimedWork[];
}

/** Judges the findings of a plan by what its statements did. */
export function judgeFindings(
  findings: readonly Finding[],
  statements: readonly RehearsedStatement[],
): JudgedCheck {
  const claims = findings.map((finding) => ({ finding, ...placeOf(finding, statements) }));
  return {
    findings: claims.map(({ finding, migration, statement }) => ({
      rule: finding.rule,
      severity: finding.severity,
      migration,
      line: finding.line,
      ...verdictOn(finding, statement, statements),
    })),
    unclaimed: statements.flatMap((statement) => {
      const claimed = claims
        .filter((claim) => claim.statement === statement)
        .map(({ finding }) => finding);
      const { migration, line } = statement;
      return unclaimedBy(claimed, statement).map((seen) => ({ migration, line, seen }));
    }),
  };
}

function placeOf(
  { file, line, statement: sql }: Finding,
  statements: readonly RehearsedStatement[],
): { migration: string; statement: RehearsedStatement | undefined } {
  const migration = basename(file, '.sql');
  const before = statements.filter((each) => each.migration === migration && each.line <= line);
  const statement = before.findLast((each) => each.sql === sql) ?? before.at(-1);
  return { migration, statement };
}

function verdictOn(
  finding: Finding,
  statement: RehearsedStatement | undefined,
  statements: readonly RehearsedStatement[],
): Pick<JudgedFinding, 'verdict' | 'seen'> {
  const { lock, work, objects, concern } = finding;
  const isAboutWork = concern === 'lock' || concern === 'data-loss';
  const [object = ''] = objects;
  if (statement === undefined || !isAboutWork || (lock === null && work === 'none')) {
    return { verdict: 'not shown', seen: '' };
  }
  const held = lockOn(object, statement, statements);
  const isLocked = lock === null || (held !== undefined && isAtLeast(held.mode, lock));
  const isWorked =
    work === 'none' || (work === 'held' ? isLocked : worksOn(statement, work, object));
  const seen = [
    held === undefined
      ? `no lock on ${object}`
      : `${held.mode} on ${object} for ${formatDuration(held.ms)}`,
    ...(work === 'none' || work === 'held' ? [] : [`${isWorked ? '' : 'no '}${work}`]),
  ];
  return { verdict: isLocked && isWorked ? 'confirmed' : 'overruled', seen: seen.join(', ') };
}

// A lock that an earlier statement of the transaction took is held here too.
function lockOn(
  object: string,
  statement: RehearsedStatement,
  statements: readonly RehearsedStatement[],
): RehearsedStatement['locks'][number] | undefined {
  const upToHere = statements.slice(0, statements.indexOf(statement) + 1);
  return upToHere
    .filter(
      (each) =>
        each === statement ||
        (statement.transaction !== null && each.transaction === statement.transaction),
    )
    .flatMap(({ locks }) => locks)
    .filter(({ relation }) => isSameName(relation, object))
    .reduce<RehearsedStatement['locks'][number] | undefined>(
      (strongest, lock) =>
        strongest === undefined || isAtLeast(lock.mode, strongest.mode) ? lock : strongest,
      undefined,
    );
}

function worksOn(
  { rewrites, scans, indexBuilds }: RehearsedStatement,
  work: Finding['work'],
  object: string,
): boolean {
  const lists = { rewrite: rewrites, scan: scans, 'index build': indexBuilds, held: [], none: [] };
  // The object may be an index, or a partitioned table whose partitions do the work.
  return lists[work].some(({ relation }) => isSameName(relation, object)) || lists[work].length > 0;
}

// What surprises most: a whole table written anew, or objects gone, and no finding about it.
function unclaimedBy(claimed: readonly Finding[], statement: RehearsedStatement): string[] {
  const isClaimed = (work: Finding['work']): boolean => claimed.some((each) => each.work === work);
  return [
    ...(isClaimed('rewrite')
      ? []
      : statement.rewrites.map(({ relation }) => `rewrites ${relation}`)),
    ...(claimed.some(({ concern }) => concern === 'data-loss')
      ? []
      : statement.dropped.map((object) => `drops ${object}`)),
  ];
}

/** True when both name the same relation, by quotes and schema as far as both give them. */
function isSameName(a: string, b: string): boolean {
  const plain = (name: string): string => name.replaceAll('"', '').replace(/^public\./, '');
  return plain(a) === plain(b);
}
