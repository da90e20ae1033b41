// What became of a wish to change an environment: for people, for programs and for the journal.

import type { ApplyReport } from '../apply/report.ts';
import { formatDuration } from '../core/duration.ts';
import type { HealthSample } from '../history/health-samples.ts';
import type { Outcome } from '../history/journal.ts';
import { type Plan, planNames } from '../migration/plan.ts';
import type { JudgedGate } from '../promotion/gate.ts';
import type { RehearsalReport } from '../rehearsal/report.ts';
import type { Target } from './project.ts';

/** What became of it. Null: the process did not come so far. */
export interface ChangeReport {
  readonly environment: string;
  /** Host, port and database. */
  readonly database: string;
  readonly plan: { readonly digest: string; readonly migrations: readonly string[] };
  /** `refused` by a gate, `declined` by the person who was asked. */
  readonly outcome: 'nothing pending' | 'refused' | 'declined' | 'applied';
  readonly gates: readonly JudgedGate[];
  /** Name of the backup that was taken and proven. */
  readonly backup: string | null;
  /** Whether it was armed: then `drydock rescue` brings the database back with every later write. */
  readonly isArmed: boolean;
  /** Why undo cannot take it back although it is on, with statement and line. */
  readonly notKept: readonly string[];
  readonly rehearsal: RehearsalReport | null;
  readonly apply: ApplyReport | null;
  /** Objects of the schema that are not as the rehearsal left them, in words. */
  readonly unlikeRehearsal: readonly string[];
  readonly health: HealthSample | null;
  /** True when the application was healthy before the apply and is not now. */
  readonly harmed: boolean;
}

/** A report of a change that came as far as `rest` says. */
export function changeReport(
  { environment, address }: Target,
  plan: Plan,
  rest: Pick<ChangeReport, 'outcome'> & Partial<ChangeReport>,
): ChangeReport {
  return {
    environment: environment.name,
    database: address.label,
    plan: { digest: plan.digest, migrations: planNames(plan) },
    gates: [],
    backup: null,
    isArmed: false,
    notKept: [],
    rehearsal: null,
    apply: null,
    unlikeRehearsal: [],
    health: null,
    harmed: false,
    ...rest,
  };
}

/**
 * What the journal keeps of it: enough to judge the next environment by, and to answer "who let this
 * pass?".
 *
 * @param fingerprint of the schema as the apply left it
 */
export function journalOutcome(
  report: ChangeReport,
  fingerprint: string | undefined,
): Outcome<ChangeReport> {
  const { outcome, plan, gates, backup, health, rehearsal } = report;
  return {
    result: report,
    refused: outcome !== 'applied',
    plan: plan.digest,
    ...(backup === null ? {} : { backup }),
    details: {
      outcome,
      migrations: plan.migrations,
      gates: gates.map(({ id, state, reason }) => ({ id, state, reason })),
      rehearsal: rehearsal === null ? null : formatDuration(rehearsal.totalMs),
      healthy: health?.healthy ?? null,
      unlikeRehearsal: report.unlikeRehearsal,
      notKept: report.notKept,
      ...(fingerprint === undefined ? {} : { fingerprint }),
    },
  };
}
