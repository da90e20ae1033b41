// What a change would be, for programs: of `apply --dry-run` and of `preflight`.

import { planNames } from '../migration/plan.ts';
import type { Preflight } from '../process/preflight.ts';
import type { DryRun } from './documents.ts';

/** The plan by its names, and how its gates stand. */
export function dryRun(environment: string, { plan, notKept, gates, health }: Preflight): DryRun {
  return {
    environment,
    plan: { digest: plan.digest, migrations: planNames(plan) },
    notKept,
    gates,
    health,
  };
}
