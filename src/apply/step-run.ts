// One step with everything that running it needs, whatever its kind.

import type { Context } from '../core/context.ts';
import type { StepRow } from '../history/steps.ts';
import type { MigrationStep } from '../migration/steps.ts';
import type { Database } from '../postgres/connect.ts';
import type { ApplyPolicy } from './apply-policy.ts';
import type { Guard } from './guard.ts';
import type { StatementKeeper } from './keeper.ts';
import type { StatementObserver, StatementReport } from './report.ts';
import type { RowGuard } from './row-guard.ts';
import type { Preparation } from './session.ts';

/** A step to be run. */
export interface StepRun {
  readonly context: Context;
  readonly database: Database;
  readonly guard: Guard;
  readonly rowGuard: RowGuard;
  /** Number of the migration, and of the step in it, counted from 1. */
  readonly place: { readonly version: string; readonly step: number };
  readonly step: MigrationStep;
  /** Brings the session to where the step begins; a transaction sends it with its BEGIN. */
  readonly preparation: Preparation;
  readonly observer: StatementObserver | undefined;
  /** Where the plan is to be taken back, if need be, without a loss. */
  readonly keeper?: StatementKeeper | undefined;
  readonly say: (text: string) => void;
  readonly policy: ApplyPolicy;
  /** How earlier runs of this very step went, the newest last. */
  readonly earlier: readonly Pick<StepRow, 'before' | 'startedAt'>[];
  /** True when a person has looked, and wants a step run again whose end nobody knows. */
  readonly resume: boolean;
  /**
   * Writes that the step is under way, before its first statement: for steps that are in no
   * transaction with their record. `before` is what stood there.
   */
  readonly begin: (before: unknown) => Promise<void>;
  /** The statements that record the step as in force: for the end of its transaction where it has one. */
  readonly recordOf: (done: StepResult, outcome?: 'done' | 'found done') => readonly string[];
}

/** What a step did. */
export interface StepResult {
  readonly statements: readonly Omit<StatementReport, 'migration'>[];
  /** Attempts beyond the first. */
  readonly retries: number;
  /** How long it waited for locks, in the queue and before it. */
  readonly lockWaitMs: number;
}
