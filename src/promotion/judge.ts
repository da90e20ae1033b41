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
  return gates.map((gate) => {
    const { id, title, broughtBy } = gate;
    const verdict = gate.judge(evidence);
    if (verdict.open) {
      return { id, title, broughtBy, state: 'open', reason: verdict.reason, howToOpen: null };
    }
    const waiver = waivers.find((candidate) => candidate.gate === id);
    return waiver === undefined
      ? { id, title, broughtBy, state: 'closed', ...omitOpen(verdict) }
      : {
          id,
          title,
          broughtBy,
          state: 'waived',
          reason: `${verdict.reason}; waived by ${waiver.by}: ${waiver.reason}`,
          howToOpen: null,
        };
  });
}

/** The closed gates; `before` an apply, those that the apply itself opens do not count. */
export function closedGates(
  judged: readonly JudgedGate[],
  when: 'before' | 'after rehearsal',
): readonly JudgedGate[] {
  return judged.filter(
    (gate) =>
      gate.state === 'closed' && (when === 'after rehearsal' || gate.broughtBy === 'people'),
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

function omitOpen(verdict: { reason: string; howToOpen: string }): {
  reason: string;
  howToOpen: string;
} {
  return { reason: verdict.reason, howToOpen: verdict.howToOpen };
}
