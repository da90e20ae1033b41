// Undo: who says so, and what is told of it.

import { join } from 'node:path';
import { throwIfInterrupted } from '../core/context.ts';
import { Failure, messageOf } from '../core/failure.ts';
import { replaceFile } from '../core/write-file.ts';
import { readLedger } from '../history/ledger.ts';
import { readEndedRun, type UndoProgress, type UndoRun } from '../history/undo-runs.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { readLeftOver } from '../rescue/undo/left-over.ts';
import { countNotes, type NoteCount } from '../rescue/undo/notes.ts';
import { undo } from '../rescue/undo/undo.ts';
import { expectSchemaNow, noticeBeforeChange } from './drift.ts';
import { doing, type Project, reading, type Target, targetNamed } from './project.ts';
import { nothingToUndo, undoableIn } from './undoable.ts';
import { aloneOn, inTurnOn } from './with-care.ts';

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
  const { killed, runs, notKept } = await reading(project, target, (database) =>
    undoableIn(database, name, request.to),
  );
  if (request.dryRun !== true && killed === undefined && runs.length === 0) {
    throw nothingToUndo(name, notKept);
  }
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
    const ids: string[] = killed === undefined ? [] : [killed.id];
    for (const [at, run] of runs.entries()) {
      throwIfInterrupted(project.context.signal);
      ids.push(run.id);
      await undoRun(project, target, run, request);
      const before = plans[at];
      if (before !== undefined) done.push({ ...before, ...(await outcomeOf(target, run.id)) });
    }
    if (killed !== undefined) {
      done.push(await reading(project, target, (d) => finished(d, killed)));
    }
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
  const care = { what: 'undo', policy };
  try {
    await undo(context, {
      address,
      run,
      wayBack: run.wayBack ?? [],
      by: `${actor.who}@${actor.host}`,
      reason: reason ?? null,
      inTurn: inTurnOn(context, address, care),
      alone: aloneOn(context, address, care),
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
