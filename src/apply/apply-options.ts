// What an apply is told: the plan, the place, and who says so.

import type { Plan } from '../migration/plan.ts';
import type { Address } from '../postgres/address.ts';
import type { PolicyParts } from './apply-policy.ts';
import type { StatementKeeper } from './keeper.ts';
import type { StatementObserver } from './report.ts';

/** What is applied, where, and by whom. */
export interface ApplyOptions {
  readonly address: Address;
  readonly plan: Plan;
  readonly appliedBy: string;
  /** File name of the backup that was taken for this plan. */
  readonly backup?: string | undefined;
  readonly policy?: PolicyParts;
  /** A person has looked at a step whose end was not known, and wants it run again. */
  readonly resume?: boolean | undefined;
  readonly observer?: StatementObserver;
  /** Keeps what the plan would destroy. */
  readonly keeper?: StatementKeeper | undefined;
  /** A server that has not answered for so long, in milliseconds, counts as lost. */
  readonly silenceMs?: number;
}
