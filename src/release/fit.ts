// Whether a release and a database fit each other: what the release has and the database lacks, and the other
// way. A release says what it needs by the migrations folder at its commit. Pure.

import type { JournalRow } from '../history/journal.ts';
import type { LedgerRow } from '../history/ledger.ts';

/** How they fit. */
export interface ReleaseFit {
  /** Migrations that the release has and that never were in force here. */
  readonly missing: readonly string[];
  /** Migrations that the release has and that were taken back here, as by a restore. */
  readonly takenBack: readonly string[];
  /** Migrations in force that the release does not know. */
  readonly ahead: readonly string[];
  /** What a rehearsal saw break when it ran those, with the application as it was then. */
  readonly problems: readonly string[];
  /** Migrations of `ahead` with which no application was ever tried. */
  readonly untried: readonly string[];
}

/** What is compared. */
export interface FitParts {
  /** Names (`008_add_teacher_mode`) in the migrations folder of the release. */
  readonly migrations: readonly string[];
  readonly ledger: readonly LedgerRow[];
  /** Newest first. */
  readonly journal: readonly JournalRow[];
}

/** Compares; undefined where the database has no ledger to compare with, or the release no migrations. */
export function fitOf({ migrations, ledger, journal }: FitParts): ReleaseFit | undefined {
  const inForce = ledger.filter(({ state }) => state === 'complete');
  if (inForce.length === 0 || migrations.length === 0) return undefined;
  const known = new Set(migrations.map(numberOf));
  const present = new Set(inForce.map(({ version }) => Number(version)));
  const once = new Set(appliedBefore(journal));
  const absent = migrations.filter((name) => !present.has(numberOf(name)));
  const ahead = inForce.filter(({ version }) => !known.has(Number(version)));
  const tried = new Map(ahead.map(({ name, plan }) => [name, problemsOf(journal, plan)]));
  return {
    missing: absent.filter((name) => !once.has(name)),
    takenBack: absent.filter((name) => once.has(name)),
    ahead: ahead.map(({ name }) => name),
    problems: [...new Set([...tried.values()].flatMap((problems) => problems ?? []))],
    untried: [...tried].flatMap(([name, problems]) => (problems === undefined ? [name] : [])),
  };
}

function numberOf(name: string): number {
  return Number(/^\d+/.exec(name)?.[0]);
}

function appliedBefore(journal: readonly JournalRow[]): readonly string[] {
  return journal
    .filter(({ entry }) => entry.command === 'apply' && entry.phase === 'done')
    .flatMap(({ entry }) => (entry.details?.migrations ?? []) as readonly string[]);
}

// Undefined: never rehearsed here, or no query was known.
function problemsOf(journal: readonly JournalRow[], plan: string): readonly string[] | undefined {
  const found = journal.find(
    ({ entry }) => entry.command === 'rehearse' && entry.phase === 'done' && entry.plan === plan,
  )?.entry.details;
  const problems = (found?.problems ?? []) as readonly string[];
  return problems.length > 0 || Number(found?.checked) > 0 ? problems : undefined;
}
