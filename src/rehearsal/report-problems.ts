// What a rehearsal has found that must not reach the environment: the verdict, in sentences.

import { formatDuration } from '../core/duration.ts';
import { thousands } from '../core/thousands.ts';
import type { Forecast } from './forecast.ts';
import { isDiskTooSmall, lockSentence } from './forecast-sentences.ts';
import type { TableChange } from './observe-tables.ts';
import type { RehearsedStatement } from './statement.ts';

/** What is judged. */
export interface Judged {
  readonly statements: readonly RehearsedStatement[];
  readonly tables: readonly TableChange[];
  readonly forecast: Forecast;
}

/** The problems, locks over the budget first; empty when the plan may be applied as far as a rehearsal can say. */
export function problemsOf({ statements, tables, forecast }: Judged): readonly string[] {
  const { blocksForMs } = forecast.budget;
  return [
    ...forecast.statements.flatMap(({ locks }, index) => {
      const { migration = '', line = 0 } = statements[index] ?? {};
      return locks
        .filter(({ isOverBudget }) => isOverBudget)
        .map(
          (lock) =>
            `${migration}:${line} ${lockSentence(lock)}; the budget is ${formatDuration(blocksForMs)}`,
        );
    }),
    ...tables
      .filter(({ isExpected }) => !isExpected)
      .map(
        ({ table, lostRows }) =>
          `${table} has ${thousands(lostRows)} rows fewer, and no statement of the plan names it`,
      ),
    ...(isDiskTooSmall(forecast) ? ['the disk has less free space than the plan needs'] : []),
  ];
}
