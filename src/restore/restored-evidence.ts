// What the evidence of every kind of restore begins with.

import type { Backup } from '../backup/manifest.ts';
import type { Context } from '../core/context.ts';
import type { Evidence } from '../core/evidence.ts';

/** The evidence of a restore that ends now. */
export interface RestoredEvidence extends Omit<Evidence, 'kind' | 'outcome'> {
  readonly plan: null;
  readonly environment: string;
  /** Name of the backup. */
  readonly backup: string;
}

/** Fills it in. */
export function restoredEvidence(
  { clock }: Context,
  {
    startedAt,
    environment,
    backup,
  }: { readonly startedAt: Date; readonly environment: string; readonly backup: Backup },
): RestoredEvidence {
  return {
    version: 1,
    plan: null,
    startedAt: startedAt.toISOString(),
    endedAt: clock.now().toISOString(),
    environment,
    backup: backup.name,
  };
}
