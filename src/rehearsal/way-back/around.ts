// The way back as a part of a rehearsal: proven when everything else has looked at the copy.

import type { Context } from '../../core/context.ts';
import type { AroundPlan } from '../rehearse.ts';
import { proveWayBack, type WayBackOptions } from './prove-way-back.ts';

/** Proves the way back after a plan. */
export function wayBackAround(context: Context, options: Omit<WayBackOptions, 'copy'>): AroundPlan {
  return {
    before: async () => {},
    after: async (copy) => ({ wayBack: await proveWayBack(context, { ...options, copy }) }),
  };
}
