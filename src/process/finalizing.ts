// Finalize: the window in which a change may be taken back is over, and what was kept for it goes.

import { readOpenRuns, type UndoRun } from '../history/undo-runs.ts';
import type { Database } from '../postgres/connect.ts';
import { finalizeRun, type KeptNow, readKept } from '../rescue/undo/finalize.ts';
import { expectSchemaNow, noticeBeforeChange } from './drift.ts';
import { doing, type Project, reading, type Target, targetNamed } from './project.ts';
import { inTurnOn } from './with-care.ts';

/** What is kept of one plan. */
export interface KeptPlanNow {
  readonly versions: readonly string[];
  readonly since: Date;
  /** Whether a rehearsal has proven that it can be taken back. */
  readonly proven: boolean;
  readonly kept: readonly KeptNow[];
  /** Rows that are noted. */
  readonly notedRows: number;
  /** Size of the tables that were put aside. */
  readonly sizeBytes: number;
}

/** What became of it. */
export interface FinalizeReport {
  readonly environment: string;
  readonly outcome: 'finalized' | 'declined' | 'nothing kept';
  readonly plans: readonly KeptPlanNow[];
}

/** A wish to give up the ways back of an environment. */
export interface FinalizeRequest {
  readonly environment: string;
  readonly reason?: string | undefined;
  readonly ask: (target: Target, plans: readonly KeptPlanNow[]) => Promise<boolean>;
}

/** What is kept in an environment, the newest plan first. */
export async function keptIn(database: Database): Promise<readonly KeptPlanNow[]> {
  const runs = await readOpenRuns(database);
  const plans: KeptPlanNow[] = [];
  for (const run of runs) plans.push(await keptOf(database, run));
  return plans;
}

async function keptOf(database: Database, run: UndoRun): Promise<KeptPlanNow> {
  const kept = await readKept(database, run);
  const { rows } = await database.one<{ rows: number }>(
    'SELECT count(*)::int AS rows FROM drydock.undo_rows WHERE run = $1',
    [run.id],
  );
  return {
    versions: run.versions,
    since: run.begunAt,
    proven: run.wayBack !== null,
    kept,
    notedRows: rows,
    sizeBytes: kept.reduce((sum, { sizeBytes }) => sum + (sizeBytes ?? 0), 0),
  };
}

/** Drops all that is kept in an environment, for good. */
export async function finalizeChanges(
  project: Project,
  request: FinalizeRequest,
): Promise<FinalizeReport> {
  const target = targetNamed(project, request.environment);
  const { name } = target.environment;
  const plans = await reading(project, target, keptIn);
  const report = { environment: name, plans };
  if (plans.length === 0) return { ...report, outcome: 'nothing kept' };
  if (!(await request.ask(target, plans))) return { ...report, outcome: 'declined' };
  return doing(project, target, { command: 'finalize', changes: true }, async () => {
    await noticeBeforeChange(target);
    const { context, actor } = project;
    const { address } = target;
    const inTurn = inTurnOn(context, address, {
      what: 'finalize',
      policy: target.environment.apply,
    });
    const by = `${actor.who}@${actor.host}`;
    const reason = request.reason ?? null;
    for (const run of await reading(project, target, readOpenRuns)) {
      await finalizeRun(context, { address, run, by, reason, inTurn });
    }
    await expectSchemaNow(target);
    const versions = plans.flatMap((plan) => plan.versions);
    return { result: { ...report, outcome: 'finalized' }, details: { versions, reason } };
  });
}
