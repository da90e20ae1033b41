// Which of the plans that were kept an undo takes back, and what it says where there is none.

import { Failure } from '../core/failure.ts';
import { type JournalRow, readJournal } from '../history/journal.ts';
import { type LedgerRow, readLedger } from '../history/ledger.ts';
import { readEndedRun, readOpenRuns, type UndoRun } from '../history/undo-runs.ts';
import type { Database } from '../postgres/connect.ts';

/** What an undo has to do. */
export interface Undoable {
  /** One that an earlier command took back and was killed before it could tell; then nothing else is chosen. */
  readonly killed: UndoRun | undefined;
  /** The newest first. */
  readonly runs: readonly UndoRun[];
  /** Why the last change was not kept although undo was on, where nothing is to be done. */
  readonly notKept: readonly string[];
}

/**
 * Chooses.
 *
 * @param to the migration that stays as the last one; the last plan alone when left out
 * @throws `undo/not-proven`, `undo/not-the-last`, `undo/not-reached`
 */
export async function undoableIn(
  database: Database,
  environment: string,
  to: string | undefined,
): Promise<Undoable> {
  const killed = await endedButNotTold(database);
  // The one before is another question: that somebody has typed the same command again says nothing of it.
  if (killed !== undefined) return { killed, runs: [], notKept: [] };
  const runs = await runsToUndo(database, environment, to);
  const notKept = runs.length === 0 ? await whyNothingKept(database) : [];
  return { killed, runs, notKept };
}

/** Nothing is kept that could be taken back, and why. */
export function nothingToUndo(environment: string, why: readonly string[]): Failure {
  return new Failure({
    code: 'undo/nothing-to-undo',
    message: `nothing is kept in ${environment} that could be taken back${because(why)}`,
    hint: `Undo is on for changes that are applied after \`undo: true\` stands in the configuration. The other way back: drydock restore ${environment}`,
    details: { why },
  });
}

async function runsToUndo(
  database: Database,
  environment: string,
  to: string | undefined,
): Promise<readonly UndoRun[]> {
  const ledger = await readLedger(database);
  const runs: UndoRun[] = [];
  const left = ledger.toSorted((a, b) => a.appliedAt.getTime() - b.appliedAt.getTime());
  for (const run of await readOpenRuns(database)) {
    const isEnough = to === undefined ? runs.length > 0 : left.at(-1)?.version === to;
    if (isEnough) break;
    assertIsLast(environment, run, left.splice(-run.versions.length));
    if (run.wayBack === null) {
      throw notProven(environment, run, whyNotProven(await readJournal(database), run));
    }
    runs.push(run);
  }
  if (to !== undefined && left.at(-1)?.version !== to) throw notReached(environment, to);
  return runs;
}

function assertIsLast(environment: string, run: UndoRun, last: readonly LedgerRow[]): void {
  const versions = new Set(run.versions);
  const other = last.find(({ version, state }) => !versions.has(version) || state !== 'complete');
  if (other === undefined && last.length === versions.size) return;
  throw new Failure({
    code: 'undo/not-the-last',
    message: `what was applied to ${environment} last cannot be taken back: ${other?.name ?? 'it is not in the ledger'}`,
    hint: `The other ways back: drydock restore ${environment}, or a new migration: drydock new NAME`,
    details: { versions: run.versions, last: last.map(({ name }) => name) },
  });
}

function notProven(environment: string, run: UndoRun, why: readonly string[]): Failure {
  return new Failure({
    code: 'undo/not-proven',
    message: `no rehearsal has proven that ${run.versions.join(', ')} can be taken back${because(why)}`,
    hint: `The other ways back: drydock restore ${environment}, or a new migration: drydock new NAME`,
    details: { versions: run.versions, why },
  });
}

// What its rehearsal has said of the way back.
function whyNotProven(journal: readonly JournalRow[], { plan }: UndoRun): readonly string[] {
  const rehearsal = journal.find(
    ({ entry }) => entry.command === 'rehearse' && entry.phase === 'done' && entry.plan === plan,
  );
  const { reasons = [], losses = [] } = (rehearsal?.entry.details?.wayBack ?? {}) as {
    readonly reasons?: readonly string[];
    readonly losses?: readonly string[];
  };
  return [...reasons, ...losses];
}

const because = (why: readonly string[]): string => (why.length === 0 ? '' : `: ${why.join('; ')}`);

const changes: readonly string[] = ['apply', 'undo', 'restore', 'rescue'];

// Why the last change was not kept, as its apply has said.
async function whyNothingKept(database: Database): Promise<readonly string[]> {
  const journal = await readJournal(database);
  const last = journal.find(
    ({ entry }) => entry.phase === 'done' && changes.includes(entry.command),
  )?.entry;
  return (last?.details?.notKept ?? []) as readonly string[];
}

function notReached(environment: string, to: string): Failure {
  return new Failure({
    code: 'undo/not-reached',
    message: `the plans that are kept in ${environment} do not begin right after ${to}`,
    hint: `Whole plans are taken back, the newest first; see what is kept: drydock status ${environment}`,
  });
}

// A command that was killed after the last word of its undo, and before it could tell: the run that it
// ended; undefined when the last undo has told its end.
async function endedButNotTold(database: Database): Promise<UndoRun | undefined> {
  const journal = await readJournal(database, 100);
  const last = journal.find(({ entry }) => entry.command === 'undo');
  if (last === undefined || last.entry.phase !== 'begun') return undefined;
  const run = await readEndedRun(database);
  return run !== undefined && isAfter(run, last) ? run : undefined;
}

function isAfter({ endedAt }: UndoRun, { entry }: JournalRow): boolean {
  return endedAt !== null && endedAt.getTime() >= new Date(entry.at).getTime();
}
