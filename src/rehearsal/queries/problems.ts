// What of the queries must not reach an environment, in sentences. Pure.

import { firstWords } from '../../migration/steps.ts';
import type { RehearsalParts } from '../report.ts';

/** Everything that the plan broke: statements, code in the database, the old code. */
export function queryProblems({
  queries,
  oldCode,
}: Pick<RehearsalParts, 'queries' | 'oldCode'>): readonly string[] {
  const { broken = [], code } = queries ?? {};
  return [
    ...broken.map(({ text, reason }) => `${reason}: ${firstWords(text)}`),
    ...(code?.broken ?? []).map(
      ({ object, reason }) => `${object} does not compile any more: ${reason}`,
    ),
    ...(oldCode === undefined || oldCode.exitCode === 0
      ? []
      : [`${oldCode.command} ended with status ${oldCode.exitCode} on the new schema`]),
  ];
}
