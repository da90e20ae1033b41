// What a person decided about a migration, in words.

import type { DecisionReport } from '../../process/half-done.ts';
import { wrapLines } from './text.ts';

/** The closing words of `drydock apply --abandon` and `--mark-applied`. */
export function renderDecision(report: DecisionReport): string {
  const { environment, migration, stepsDone, stepsTotal } = report;
  switch (report.decision) {
    case 'declined':
      return `Nothing was changed in ${environment}: the question was not answered with yes.`;
    case 'marked as applied':
      return `${migration} counts as applied to ${environment}. Nothing of it was run.`;
    case 'cleared':
      return wrapLines([
        `Nothing of ${migration} is in force in ${environment}, and nothing of it is left behind. It is pending as before.`,
      ]);
    case 'abandoned':
      return wrapLines([
        `${stepsDone} of ${stepsTotal} steps of ${migration} stay in force in ${environment}; the rest will not be run.`,
        'Write what the schema needs now as a new migration: drydock new NAME',
      ]);
  }
}
