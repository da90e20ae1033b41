// Do the application's queries still work? Asked of the server before and after the plan, on the copy.

import { type Context, step, throwIfInterrupted } from '../../core/context.ts';
import type { Address } from '../../postgres/address.ts';
import { connect, type Database } from '../../postgres/connect.ts';
import { askAboutCode, type CodeAnswer, compareCode } from './code.ts';
import { compareAnswers, grownPlans } from './compare.ts';
import { type Answer, type AskedStatement, ask, beginAsking, findForm } from './prepare.ts';
import type { ApplicationStatement, QueriesReport } from './report.ts';
import { onlyJudgeable } from './statement.ts';

/** What is asked about. */
export interface QueriesOptions {
  readonly copy: Address;
  readonly statements: readonly ApplicationStatement[];
  readonly sources: QueriesReport['sources'];
}

/** A question that was asked before the plan and is to be asked again after it. */
export interface QueriesBefore {
  after(): Promise<QueriesReport>;
}

/** Asks about every statement, every view and every function as they are before the plan. */
export async function askBeforePlan(
  context: Context,
  options: QueriesOptions,
): Promise<QueriesBefore> {
  const { copy } = options;
  return await step(context, 'ask the copy about the queries', async (reporter) => {
    await using database = await asking(context, copy);
    const statements = await onlyJudgeable(options.statements);
    const asked = await askAll(context, database, statements);
    const code = await askAboutCode(database);
    const understood = asked.filter(({ answer }) => answer.understood).length;
    reporter.summary(
      asked.length === 0
        ? 'no statement of the application is known'
        : `${asked.length} statements, of which ${understood} are understood`,
    );
    return { after: () => askAfterPlan(context, options, { asked, code }) };
  });
}

async function askAfterPlan(
  context: Context,
  { copy, sources }: QueriesOptions,
  before: { readonly asked: readonly AskedStatement[]; readonly code: readonly CodeAnswer[] },
): Promise<QueriesReport> {
  return await step(context, 'ask about the queries again', async (reporter) => {
    await using database = await asking(context, copy);
    const answers = new Map<ApplicationStatement, Answer>();
    for (const { statement, answer } of before.asked) {
      throwIfInterrupted(context.signal);
      if (answer.understood) answers.set(statement, await ask(database, answer.form));
    }
    const compared = await compareAnswers(before.asked, answers);
    const costlier = await withStatistics(database, grownPlans(before.asked, answers));
    const code = compareCode(before.code, await askAboutCode(database));
    const broken = compared.broken.length + code.broken.length;
    reporter.summary(broken === 0 ? 'all work as before' : `${broken} do NOT work any more`);
    return { sources, ...compared, costlier, code };
  });
}

async function asking(context: Context, copy: Address): Promise<Database> {
  const database = await connect(copy, { purpose: 'queries', signal: context.signal });
  await beginAsking(database);
  return database;
}

async function askAll(
  context: Context,
  database: Database,
  statements: readonly ApplicationStatement[],
): Promise<AskedStatement[]> {
  const roles = await database.query<{ name: string }>('SELECT rolname AS name FROM pg_roles');
  const known = new Set(roles.map(({ name }) => name));
  const asked: AskedStatement[] = [];
  for (const statement of statements) {
    throwIfInterrupted(context.signal);
    asked.push({ statement, answer: await findForm(database, statement, known) });
  }
  return asked;
}

// A retyped column and a rewritten table have no statistics until the next ANALYZE: which part of a
// growth is that, and which one stays?
async function withStatistics(
  database: Database,
  grown: ReturnType<typeof grownPlans>,
): Promise<QueriesReport['costlier']> {
  if (grown.length === 0) return [];
  await database.execute('RESET ROLE; RESET statement_timeout; ANALYZE');
  const costlier: QueriesReport['costlier'][number][] = [];
  for (const { form, ...rest } of grown) {
    const again = await ask(database, form);
    const costAfterAnalyze = again.understood ? again.planned.cost : rest.after.cost;
    costlier.push({ ...rest, costAfterAnalyze });
  }
  return costlier;
}
