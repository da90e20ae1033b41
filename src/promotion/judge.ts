// Asks every gate. Pure: the same evidence and waivers give the same verdicts.

import { Failure } from '../core/failure.ts';
import type { PromotionEvidence } from './evidence.ts';
import type { Gate, JudgedGate, Waiver } from './gate.ts';
import { inWindow } from './gates/in-window.ts';
import { monitoringReady } from './gates/monitoring-ready.ts';
import { noDestructiveStatements } from './gates/no-destructive-statements.ts';
import { reRunnable } from './gates/re-runnable.ts';
import { soaked } from './gates/soaked.ts';
import { teamNotified } from './gates/team-notified.ts';
import { testedLocally } from './gates/tested-locally.ts';
import { transactional } from './gates/transactional.ts';
import { wayBackReady } from './gates/way-back-ready.ts';

/** The gates in the order of the runbook's checklist. */
export const gates: readonly Gate[] = [
  testedLocally,
  soaked,
  noDestructiveStatements,
  reRunnable,
  transactional,
  inWindow,
  teamNotified,
  monitoringReady,
  wayBackReady,
];

/** Judges all gates. A waiver turns a closed gate into a waived one, with name and reason. */
export function judgeGates(
  evidence: PromotionEvidence,
  waivers: readonly Waiver[] = [],
): readonly JudgedGate[] {
  return gates.map(({ id, title, judge }) => {
    const verdict = judge(evidence);
    const open = { id, title, howToOpen: null, openedByApply: false };
    if (verdict.open) return { ...open, state: 'open', reason: verdict.reason };
    const waiver = waivers.find((candidate) => candidate.gate === id);
    if (waiver !== undefined) {
      const reason = `${verdict.reason}; waived by ${waiver.by}: ${waiver.reason}`;
      return { ...open, state: 'waived', reason };
    }
    const { reason, howToOpen, openedByApply } = verdict;
    return { id, title, state: 'closed', reason, howToOpen, openedByApply };
  });
}

/** The closed gates; `before` an apply, those that the apply itself opens do not count. */
export function closedGates(
  judged: readonly JudgedGate[],
  when: 'before' | 'after rehearsal',
): readonly JudgedGate[] {
  return judged.filter(
    (gate) => gate.state === 'closed' && (when === 'after rehearsal' || !gate.openedByApply),
  );
}

/**
 * Reads `gate=reason` as `--waive` gives it.
 *
 * @throws `usage/bad-waiver` when there is no such gate or no reason
 */
export function parseWaiver(text: string, by: string): Waiver {
  const cut = text.indexOf('=');
  const gate = cut < 0 ? text : text.slice(0, cut);
  const reason = cut < 0 ? '' : text.slice(cut + 1).trim();
  const known = gates.some((candidate) => candidate.id === gate);
  if (known && reason !== '') return { gate, reason, by };
  throw new Failure({
    code: 'usage/bad-waiver',
    message: known ? `the waiver of ${gate} has no reason` : `there is no gate ${gate}`,
    hint: known
      ? `Say why it may be passed: --waive "${gate}=the reason"`
      : `Choose one of ${gates.map((candidate) => candidate.id).join(', ')}.`,
  });
}
