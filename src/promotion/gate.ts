// What a gate is: one named condition of promotion, a pure function from evidence to a verdict.

import type { PromotionEvidence } from './evidence.ts';

/** What a gate says of the evidence. */
export type Verdict =
  | { readonly open: true; readonly reason: string }
  | {
      readonly open: false;
      readonly reason: string;
      readonly howToOpen: string;
      readonly openedByApply: boolean;
    };

/** One line of the checklist. */
export interface Gate {
  readonly id: string;
  /** The runbook's own words. */
  readonly title: string;
  readonly judge: (evidence: PromotionEvidence) => Verdict;
}

/** A gate with what became of it. */
export interface JudgedGate {
  readonly id: string;
  readonly title: string;
  readonly state: 'open' | 'closed' | 'waived';
  readonly reason: string;
  /** The command or the act that opens it; null unless it is closed. */
  readonly howToOpen: string | null;
  /** True where the apply itself brings what is missing: closed, and nothing is wrong. */
  readonly openedByApply: boolean;
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
  return { open: false, reason, howToOpen, openedByApply: false };
}

/** Closed until the apply, which sees to it by itself; `howToOpen` does it before. */
export function closedUntilApply(reason: string, howToOpen: string): Verdict {
  return { open: false, reason, howToOpen, openedByApply: true };
}
