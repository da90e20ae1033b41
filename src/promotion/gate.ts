// What a gate is: one named condition of promotion, a pure function from evidence to a verdict.

import type { PromotionEvidence } from './evidence.ts';

/** What a gate says of the evidence. */
export type Verdict =
  | { readonly open: true; readonly reason: string }
  | { readonly open: false; readonly reason: string; readonly howToOpen: string };

/** One line of the checklist. */
export interface Gate {
  readonly id: string;
  /** The runbook's own words. */
  readonly title: string;
  /**
   * `apply`: the apply itself brings this evidence (it takes the backup, proves it, rehearses, tells
   * the team), so that before it the gate is closed without anything being wrong.
   */
  readonly broughtBy: 'people' | 'apply';
  judge(evidence: PromotionEvidence): Verdict;
}

/** A gate with what became of it. */
export interface JudgedGate {
  readonly id: string;
  readonly title: string;
  readonly broughtBy: Gate['broughtBy'];
  readonly state: 'open' | 'closed' | 'waived';
  readonly reason: string;
  /** The command or the act that opens it; null unless it is closed. */
  readonly howToOpen: string | null;
}

/** A person's decision to pass a closed gate: it stays in the journal. */
export interface Waiver {
  readonly gate: string;
  readonly reason: string;
  readonly by: string;
}

/** An open verdict. */
export function open(reason: string): Verdict {
  return { open: true, reason };
}

/** A closed verdict with the way to open it. */
export function closed(reason: string, howToOpen: string): Verdict {
  return { open: false, reason, howToOpen };
}
