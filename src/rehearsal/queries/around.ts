// The queries as a part of a rehearsal: asked before the plan and after it.

import type { Context } from '../../core/context.ts';
import type { AroundPlan } from '../rehearse.ts';
import { askBeforePlan, type QueriesBefore, type QueriesOptions } from './check-queries.ts';

/** Looks at the queries around a plan. */
export function queriesAround(context: Context, options: Omit<QueriesOptions, 'copy'>): AroundPlan {
  let asked: QueriesBefore | undefined;
  return {
    before: async (copy) => {
      asked = await askBeforePlan(context, { ...options, copy });
    },
    after: async () => (asked === undefined ? {} : { queries: await asked.after() }),
  };
}
