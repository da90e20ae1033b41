// Asks every gate. Pure: the same evidence and waivers give the same verdicts.

import { Failure } from '../core/failure.ts';
import type { PromotionEvidence } from './evidence.ts';
import type { Gate, JudgedGate, Waiver } from './gate.ts';
import { approved } from './gates/approved.ts';
import { checkClean } from './gates/check-clean.ts';
import { diskSpace } from './gates/disk-space.ts';
import { inWindow } from './gates/in-window.ts';
import { monitoringReady } from './gates/monitoring-ready.ts';
import { noBlockers } from './gates/no-blockers.ts';
import { noDestructiveStatements } from './gates/no-destructive-statements.ts';
import { noDrift } from './gates/no-drift.ts';
import { notFrozen } from './gates/not-frozen.ts';
import { queriesStillWork } from './gates/queries-still-work.ts';
import { reRunnable } from './gates/re-runnable.ts';
import { rehearsedWithinBudget } from './gates/rehearsed-within-budget.ts';
import { rightDatabase } from './gates/right-database.ts';
import { soaked } from './gates/soaked.ts';
import { teamNotified } from './gates/team-notified.ts';
import { testedLocally } from './gates/tested-locally.ts';
import { transactional } from './gates/transactional.ts';
import { wayBackReady } from './gates/way-back-ready.ts';

/** The gates: the lines of the runbook's checklist in its order, then those beyond it. */
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
  checkClean,
  noDrift,
  rightDatabase,
  notFrozen,
  approved,
  noBlockers,
  diskSpace,
  rehearsedWithinBudget,
  queriesStillWork,
];

/** Judges all gates. A waiver turns a closed gate into a waived one, with name and reason. */
export function judgeGates(
  evidence: PromotionEvidence,
  waivers: readonly Waiver[] = [],
): readonly JudgedGate[] {
  const { neverWaive } = evidence.environment;
  assertGates(neverWaive);
  return gates.map(({ id, title, judge }) => {
    const verdict = judge(evidence);
    const open = { id, title, howToOpen: null, openedByApply: false };
    if (verdict.open) return { ...open, state: 'open', reason: verdict.reason };
    const waiver = waivers.find((candidate) => candidate.gate === id);
    if (waiver !== undefined && !neverWaive.includes(id)) {
      const reason = `${verdict.reason}; waived by ${waiver.by}: ${waiver.reason}`;
      return { ...open, state: 'waived', reason };
    }
    const { howToOpen, openedByApply } = verdict;
    const refused = waiver === undefined ? '' : '; the configuration lets nobody waive it';
    const reason = `${verdict.reason}${refused}`;
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

// A name that is no gate would forbid nothing, in silence.
function assertGates(names: readonly string[]): void {
  const unknown = names.find((name) => !gates.some(({ id }) => id === name));
  if (unknown === undefined) return;
  throw new Failure({
    code: 'config/unknown-gate',
    message: `neverWaive names ${unknown}, and there is no such gate`,
    hint: `Choose of ${gates.map(({ id }) => id).join(', ')}.`,
  });
}
