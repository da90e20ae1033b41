// What the two answers about each statement mean. Pure but for the parser.

import type { Answer, AskedStatement, Form } from './prepare.ts';
import type {
  AboutStatement,
  ApplicationStatement,
  CostlierStatement,
  QueriesReport,
  ResultColumn,
} from './report.ts';
import { asksForStar } from './statement.ts';

// The planner's figures are guesses: what is below either of these is not worth a person's time.
const grownFactor = 3;
const smallestCost = 100;

/** What broke, what returns other columns, and what was never understood. */
export async function compareAnswers(
  asked: readonly AskedStatement[],
  after: ReadonlyMap<ApplicationStatement, Answer>,
): Promise<Pick<QueriesReport, 'checked' | 'broken' | 'changedColumns' | 'notChecked'>> {
  const broken: QueriesReport['broken'][number][] = [];
  const changedColumns: QueriesReport['changedColumns'][number][] = [];
  const notChecked: QueriesReport['notChecked'][number][] = [];
  for (const { statement, answer } of asked) {
    const now = after.get(statement);
    const about = aboutStatement(statement);
    if (!answer.understood) notChecked.push({ ...about, reason: answer.reason });
    else if (now?.understood === false) {
      broken.push({ ...about, reason: now.reason, sqlState: now.sqlState });
    } else if (now !== undefined && !sameColumns(answer.columns, now.columns)) {
      const columns = { before: answer.columns, after: now.columns };
      changedColumns.push({ ...about, ...columns, star: await asksForStar(statement.text) });
    }
  }
  return { checked: asked.length - notChecked.length, broken, changedColumns, notChecked };
}

/** The statements whose estimated cost grew out of proportion, the dearest growth first. */
export function grownPlans(
  asked: readonly AskedStatement[],
  after: ReadonlyMap<ApplicationStatement, Answer>,
): readonly (Omit<CostlierStatement, 'costAfterAnalyze'> & { readonly form: Form })[] {
  return asked
    .flatMap(({ statement, answer }) => {
      const now = after.get(statement);
      if (!answer.understood || now?.understood !== true) return [];
      const plans = { before: answer.planned, after: now.planned };
      const least = Math.max(smallestCost, plans.before.cost * grownFactor);
      if (plans.after.cost < least) return [];
      return [{ ...aboutStatement(statement), ...plans, form: now.form }];
    })
    .toSorted((a, b) => b.after.cost - b.before.cost - (a.after.cost - a.before.cost));
}

function sameColumns(before: readonly ResultColumn[], after: readonly ResultColumn[]): boolean {
  return (
    before.length === after.length &&
    before.every(
      ({ name, type }, index) => name === after[index]?.name && type === after[index].type,
    )
  );
}

function aboutStatement({ text, from, role, calls }: ApplicationStatement): AboutStatement {
  return { text, from, role, calls };
}
