// Which plans are kept so that they can be taken back, and how.

import type { StatementKeeper } from '../apply/keeper.ts';
import type { Context } from '../core/context.ts';
import { readOpenRuns } from '../history/undo-runs.ts';
import type { Plan } from '../migration/plan.ts';
import { changesRole } from '../migration/statement-class.ts';
import { firstWords, type MigrationStatement } from '../migration/steps.ts';
import type { Address } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';
import type { RehearsalReport } from '../rehearsal/report.ts';
import type { UndoTrial } from '../rehearsal/way-back/prove-way-back.ts';
import { type KeptPlan, PlanKeeper } from '../rescue/undo/keep.ts';
import { rowsBack, schemaBack } from '../rescue/undo/undo.ts';
import type { Project, Target } from './project.ts';
import { aloneOn, inTurnOn } from './with-care.ts';

/**
 * Why a plan is run as it is written, and cannot be taken back by undo, although that is on: known before
 * anything is run. Empty: it is kept, or undo is off.
 */
export function whyNotKept({ environment }: Target, { pending }: Plan): readonly string[] {
  const { name: where, undo, guarded } = environment;
  if (!undo) return [];
  if (!guarded) return [`${where} is not guarded, and no rehearsal proves the way back`];
  return pending.flatMap(({ migration, fromStep }) => {
    const { name, steps } = migration;
    if (fromStep > 0) return [`${name} goes on from an apply that stopped half-way`];
    const naming = (statements: readonly MigrationStatement[], what: string): string[] =>
      statements.map(({ sql, line }) => `${name}:${line} ${what}: ${firstWords(sql, 60)}`);
    const all = steps.flatMap(({ settings, statements }) => [...settings, ...statements]);
    const roles = all.filter(({ sql }) => changesRole(sql));
    // The settings of a file stand before each of its later steps again.
    const once = roles.filter(
      ({ line }, at) => roles.findIndex((each) => each.line === line) === at,
    );
    const batches = steps.filter(({ kind }) => kind === 'batch');
    return [
      ...naming(once, 'runs as another role'),
      ...naming(
        batches.flatMap(({ statements }) => statements),
        'changes rows in batches, which are not noted',
      ),
    ];
  });
}

/** A keeper for one run of the plan; undefined where it is run as it is written. */
export function keeperFor(
  { actor }: Project,
  target: Target,
  plan: Plan,
  proven?: KeptPlan['proven'],
): StatementKeeper | undefined {
  if (!target.environment.undo || whyNotKept(target, plan).length > 0) return undefined;
  return new PlanKeeper({
    plan: plan.digest,
    versions: plan.pending.map(({ migration }) => migration.version),
    by: `${actor.who}@${actor.host}`,
    proven,
  });
}

/** The undo that a rehearsal has proven, if it has. */
export function provenUndo({ wayBack }: RehearsalReport): KeptPlan['proven'] {
  return wayBack?.undo === undefined
    ? undefined
    : { statements: wayBack.undo, ms: wayBack.ms ?? 0 };
}

/** Undo on a copy, for the rehearsal. */
export function undoTrial(context: Context, plan: Plan, copy: Address): UndoTrial {
  const newest = async (): ReturnType<typeof readOpenRuns> => {
    await using database = await connect(copy, { purpose: 'undo' });
    return (await readOpenRuns(database)).filter((run) => run.plan === plan.digest);
  };
  return {
    rowsBack: async () => {
      for (const run of await newest()) await rowsBack(context, { address: copy, run });
    },
    schemaBack: async (wayBack) => {
      const inTurn = inTurnOn(context, copy, { what: 'undo' });
      const alone = aloneOn(context, copy, { what: 'undo' });
      for (const run of await newest()) {
        await schemaBack(context, {
          address: copy,
          run,
          wayBack,
          by: 'rehearsal',
          reason: null,
          inTurn,
          alone,
        });
      }
    },
  };
}
