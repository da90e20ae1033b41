// What a rehearsal looks at around the plan, on the same copy: do the application's queries still work,
// and can the plan be taken back?

import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import type { Context } from '../core/context.ts';
import { messageOf, withCleanup } from '../core/failure.ts';
import { readDown } from '../migration/down.ts';
import type { Plan } from '../migration/plan.ts';
import type { Address } from '../postgres/address.ts';
import { loadAround, type WantedLoad } from '../rehearsal/load/around.ts';
import { queriesAround } from '../rehearsal/queries/around.ts';
import { statementsFromFile } from '../rehearsal/queries/from-file.ts';
import { statementsFromStatistics } from '../rehearsal/queries/from-statistics.ts';
import { oldCodeAround } from '../rehearsal/queries/old-code.ts';
import type { ApplicationStatement, QueriesReport } from '../rehearsal/queries/report.ts';
import type { AroundPlan } from '../rehearsal/rehearse.ts';
import { wayBackAround } from '../rehearsal/way-back/around.ts';
import type { UndoTrial, WrittenWayBack } from '../rehearsal/way-back/prove-way-back.ts';
import { createDatabase, dropDatabase } from '../sandbox/copy.ts';
import { besideCopy } from '../sandbox/given-sweep.ts';
import { type Project, reading, type Target } from './project.ts';

/** The copy, the plan that is to run on it, and how. */
export interface Surroundings {
  readonly copy: Address;
  readonly plan: Plan;
  /** A file of statements; the configured one if left out. */
  readonly queries?: string | undefined;
  /** The load under which the plan is run once more; none if left out. */
  readonly load?: WantedLoad | undefined;
  /** Undo on the copy, where what the plan destroys is kept. */
  readonly undo?: UndoTrial | undefined;
  /** Runs the plan on a copy, unwatched. */
  readonly runPlan: (copy: Address) => Promise<unknown>;
}

/** Rehearses with everything that looks at the copy around the plan. */
export async function withAroundPlan<T>(
  project: Project,
  target: Target,
  surroundings: Surroundings,
  rehearsal: (around: readonly AroundPlan[]) => Promise<T>,
): Promise<T> {
  const { context, config } = project;
  const { command } = config.rehearsal;
  const { statements, sources } = await applicationStatements(project, target, surroundings);
  const queries = queriesAround(context, { statements, sources });
  const oldCode =
    command === undefined ? [] : [oldCodeAround(context, { command, folder: config.root })];
  return await withSecondCopy(context, surroundings.copy, async (asItWas) => {
    const compared =
      asItWas === undefined
        ? []
        : await besideSecondCopy(context, surroundings, asItWas, statements);
    return await rehearsal([queries, ...compared, ...oldCode]);
  });
}

// The way back compares with the second copy; the load, which comes after that, runs on it.
async function besideSecondCopy(
  context: Context,
  { copy, plan, load, undo, runPlan }: Surroundings,
  asItWas: Address,
  statements: readonly ApplicationStatement[],
): Promise<readonly AroundPlan[]> {
  const byAuthors = await writtenByAuthors(plan);
  const again = { copy: asItWas, runPlan: () => runPlan(asItWas), statements };
  return [
    wayBackAround(context, { asItWas, byAuthors, undo, applyAgain: () => runPlan(copy) }),
    ...(load === undefined ? [] : [loadAround(context, load, again)]),
  ];
}

// A second copy stays as it was. Nobody may be connected to the first one while it is made (manual,
// CREATE DATABASE, Notes); where there is no room for it, the rest is rehearsed all the same.
async function withSecondCopy<T>(
  context: Context,
  copy: Address,
  work: (asItWas: Address | undefined) => Promise<T>,
): Promise<T> {
  const server = { address: (database: string): Address => copy.withDatabase(database) };
  const name = besideCopy(copy.database) ?? `drydock_as_it_was_${randomBytes(4).toString('hex')}`;
  try {
    await createDatabase(server, { name, template: copy.database });
  } catch (failure) {
    if (context.signal.aborted) throw failure;
    const text = `The way back is not tried: a second copy could not be made (${messageOf(failure)}).`;
    context.emit({ kind: 'note', text });
    return await work(undefined);
  }
  return await withCleanup(
    () => work(server.address(name)),
    async () => {
      // After Ctrl-C a throw-away server is gone with everything on it; the server of a clone is not.
      await dropDatabase(server, name).catch((failure: unknown) => {
        if (!context.signal.aborted) throw failure;
      });
    },
  );
}

async function applicationStatements(
  project: Project,
  target: Target,
  { queries }: Surroundings,
): Promise<{
  readonly statements: readonly ApplicationStatement[];
  readonly sources: QueriesReport['sources'];
}> {
  const counted = await reading(project, target, statementsFromStatistics);
  const { root, rehearsal } = project.config;
  const path = queries ?? rehearsal.queries;
  const fromFile = path === undefined ? [] : await statementsFromFile(resolve(root, path));
  return {
    statements: [...counted.statements, ...fromFile],
    sources: [
      {
        from: 'pg_stat_statements',
        statements: counted.statements.length,
        problem: counted.problem,
      },
      ...(path === undefined
        ? []
        : [{ from: fromFile[0]?.from ?? 'file', statements: fromFile.length, problem: null }]),
    ],
  };
}

// The authors' way back is one when all of them wrote theirs, the last migration's first.
async function writtenByAuthors(plan: Plan): Promise<WrittenWayBack | undefined> {
  const downs = await Promise.all(plan.pending.map(({ migration }) => readDown(migration)));
  const written = downs.filter((down) => down !== undefined).toReversed();
  if (written.length === 0 || written.length < downs.length) return undefined;
  return {
    sql: written
      .map(({ sql }) => sql.trimEnd())
      .join('\n\n')
      .concat('\n'),
    steps: written.flatMap(({ steps }) =>
      steps.map(({ kind, settings, statements }) => ({
        together: kind === 'transaction',
        statements: [...settings, ...statements].map(({ sql }) => sql),
      })),
    ),
  };
}
