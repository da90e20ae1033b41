// Undo: which plan is taken back, who says so, and what is told of it.

import { join } from 'node:path';
import { throwIfInterrupted } from '../core/context.ts';
import { Failure, messageOf } from '../core/failure.ts';
import { replaceFile } from '../core/write-file.ts';
import { type JournalRow, readJournal } from '../history/journal.ts';
import { type LedgerRow, readLedger } from '../history/ledger.ts';
import {
  readEndedRun,
  readOpenRuns,
  type UndoProgress,
  type UndoRun,
} from '../history/undo-runs.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { readLeftOver } from '../rescue/undo/left-over.ts';
import { countNotes, type NoteCount } from '../rescue/undo/notes.ts';
import { undo } from '../rescue/undo/undo.ts';
import { expectSchemaNow, noticeBeforeChange } from './drift.ts';
import { inTurnOn } from './in-turn.ts';
import { doing, type Project, reading, type Target, targetNamed } from './project.ts';

/** One plan that would be taken back, or was. */
export interface UndonePlan {
  readonly plan: string;
  /** Names of its migrations, the last one first. */
  readonly migrations: readonly string[];
  readonly appliedAt: Date;
  /** How long the rehearsal took for it. */
  readonly provenMs: number | null;
  /** Statements of the schema's part. */
  readonly statements: readonly string[];
  /** Rows that are noted, by table; before anything was taken back. */
  readonly notes: readonly NoteCount[];
  readonly done: UndoProgress;
  /** Rows that could not be put back wholly. */
  readonly leftOver: number;
}

/** What became of an undo. */
export interface UndoReport {
  readonly environment: string;
  readonly outcome: 'undone' | 'declined' | 'would undo';
  readonly plans: readonly UndonePlan[];
  /** Why the last change was not kept although undo was on, with statement and line. */
  readonly notKept: readonly string[];
  /** File of the rows that could not be put back, as lines of JSON; null when there are none. */
  readonly file: string | null;
  readonly ms: number;
}

/** What is asked before anything is taken back. */
export interface UndoQuestion {
  readonly target: Target;
  readonly plans: readonly UndonePlan[];
}

/** A wish to take the last change back. */
export interface UndoRequest {
  readonly environment: string;
  /** The migration that stays as the last one; the last plan alone is taken back when left out. */
  readonly to?: string | undefined;
  readonly reason?: string | undefined;
  readonly dryRun?: boolean | undefined;
  readonly lockPatienceMs?: number | undefined;
  readonly ask: (question: UndoQuestion) => Promise<boolean>;
}

/**
 * Takes the last applied plan back in place, or several, the newest first.
 *
 * @throws `undo/nothing-to-undo`, `undo/not-proven`, `undo/not-the-last`; and what an apply throws when
 *   locks are not to be had
 */
export async function undoChange(project: Project, request: UndoRequest): Promise<UndoReport> {
  const target = targetNamed(project, request.environment);
  const { name } = target.environment;
  const chosen = await reading(project, target, async (database) => ({
    killed: await endedButNotTold(database),
    runs: await runsToUndo(database, name, request.to),
  }));
  // The one before is another question: that somebody has typed the same command again says nothing of it.
  const runs = chosen.killed === undefined ? chosen.runs() : [];
  const isNothing = chosen.killed === undefined && runs.length === 0;
  const notKept = isNothing ? await reading(project, target, whyNothingKept) : [];
  if (request.dryRun !== true && isNothing) throw nothingToUndo(name, notKept);
  const plans = await Promise.all(
    runs.map((run) => reading(project, target, (d) => planOf(d, run))),
  );
  const report = { environment: name, plans, notKept, file: null, ms: 0 };
  if (request.dryRun === true) return { ...report, outcome: 'would undo' };
  if (runs.length > 0 && !(await request.ask({ target, plans }))) {
    return { ...report, outcome: 'declined' };
  }
  const startedAt = performance.now();
  return doing(project, target, { command: 'undo', changes: true }, async () => {
    await noticeBeforeChange(target);
    const done: UndonePlan[] = [];
    const ids: string[] = chosen.killed === undefined ? [] : [chosen.killed.id];
    for (const [at, run] of runs.entries()) {
      throwIfInterrupted(project.context.signal);
      ids.push(run.id);
      await undoRun(project, target, run, request);
      const before = plans[at];
      if (before !== undefined) done.push({ ...before, ...(await outcomeOf(target, run.id)) });
    }
    if (chosen.killed !== undefined)
      done.push(await reading(project, target, (d) => finished(d, chosen.killed as UndoRun)));
    await expectSchemaNow(target);
    const file = await writeLeftOver(project, target, ids);
    const ms = Math.round(performance.now() - startedAt);
    const result = { ...report, outcome: 'undone', plans: done, file, ms } as const;
    return { result, details: detailsOf(result, request) };
  });
}

async function undoRun(
  project: Project,
  target: Target,
  run: UndoRun,
  { reason, lockPatienceMs }: UndoRequest,
): Promise<void> {
  const { context, actor } = project;
  const { address, environment } = target;
  const policy =
    lockPatienceMs === undefined ? environment.apply : { ...environment.apply, lockPatienceMs };
  try {
    await undo(context, {
      address,
      run,
      wayBack: run.wayBack ?? [],
      by: `${actor.who}@${actor.host}`,
      reason: reason ?? null,
      inTurn: inTurnOn(context, address, { what: 'undo', policy }),
    });
  } catch (failure) {
    throw failure instanceof Failure ? goesOn(failure, environment.name) : failure;
  }
}

// Rows may be back already, and the schema is not: whoever types the same again goes on from there.
function goesOn(failure: Failure, environment: string): Failure {
  const state =
    'Some rows may be put back already; the schema is the new one, and every write is kept';
  return new Failure({
    code: failure.code === 'interrupted' ? 'interrupted' : 'undo/not-finished',
    message: failure.message,
    hint: `It goes on from where it is by the same command: drydock undo ${environment}`,
    details: failure.details,
    databaseState: 'changed',
    stateDetail: state,
    cause: failure,
  });
}

async function runsToUndo(
  database: Database,
  environment: string,
  to: string | undefined,
): Promise<() => readonly UndoRun[]> {
  const ledger = await readLedger(database);
  const open = await readOpenRuns(database);
  const journal = await readJournal(database);
  return () => {
    const runs: UndoRun[] = [];
    const left = ledger.toSorted((a, b) => a.appliedAt.getTime() - b.appliedAt.getTime());
    for (const run of open) {
      const isEnough = to === undefined ? runs.length > 0 : left.at(-1)?.version === to;
      if (isEnough) break;
      assertIsLast(environment, run, left.splice(-run.versions.length));
      if (run.wayBack === null) throw notProven(environment, run, whyNotProven(journal, run));
      runs.push(run);
    }
    if (to !== undefined && left.at(-1)?.version !== to) throw notReached(environment, to);
    return runs;
  };
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

function nothingToUndo(environment: string, why: readonly string[]): Failure {
  return new Failure({
    code: 'undo/nothing-to-undo',
    message: `nothing is kept in ${environment} that could be taken back${because(why)}`,
    hint: `Undo is on for changes that are applied after \`undo: true\` stands in the configuration. The other way back: drydock restore ${environment}`,
    details: { why },
  });
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

async function planOf(database: Database, run: UndoRun): Promise<UndonePlan> {
  const ledger = await readLedger(database);
  const names = ledger.filter(({ version }) => run.versions.includes(version));
  return {
    plan: run.plan,
    migrations: names.map(({ name }) => name).toReversed(),
    appliedAt: run.begunAt,
    provenMs: run.provenMs,
    statements: run.wayBack ?? [],
    notes: await countNotes(database, run.id),
    done: run.progress,
    leftOver: 0,
  };
}

async function finished(database: Database, run: UndoRun): Promise<UndonePlan> {
  return {
    ...(await planOf(database, run)),
    migrations: run.versions.toReversed(),
    leftOver: (await readLeftOver(database, run.id)).length,
  };
}

async function outcomeOf(
  { address }: Target,
  id: string,
): Promise<Pick<UndonePlan, 'done' | 'leftOver'>> {
  await using database = await connect(address, { purpose: 'undo' });
  const run = await readEndedRun(database, id);
  return { done: run?.progress ?? {}, leftOver: (await readLeftOver(database, id)).length };
}

async function writeLeftOver(
  project: Project,
  { address, environment }: Target,
  ids: readonly string[],
): Promise<string | null> {
  await using database = await connect(address, { purpose: 'undo' });
  const rows = (await Promise.all(ids.map((id) => readLeftOver(database, id)))).flat();
  if (rows.length === 0) return null;
  const path = join(project.config.root, `undo_${environment.name}_${ids.join('_')}.jsonl`);
  const lines = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  try {
    replaceFile(path, lines, 0o600);
    return path;
  } catch (failure) {
    // The change is undone, and these rows stay in the database: typed again, the command would take back
    // the change before.
    const text = `${messageOf(failure)}: the rows that could not be put back are in drydock.undo_rows (problem IS NOT NULL)`;
    project.context.emit({ kind: 'note', text });
    return null;
  }
}

function detailsOf(
  { plans, file }: UndoReport,
  { reason }: UndoRequest,
): Readonly<Record<string, unknown>> {
  return {
    migrations: plans.flatMap(({ migrations }) => migrations),
    done: plans.map(({ done }) => done),
    leftOver: plans.reduce((sum, { leftOver }) => sum + leftOver, 0),
    file,
    reason: reason ?? null,
  };
}
