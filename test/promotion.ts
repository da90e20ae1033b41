// Evidence as values: a promotion in which everything is as it should be, for tests that spoil one thing.

import type { Environment, Window } from '../src/config/environment.ts';
import { monitorSchema } from '../src/config/monitor.ts';
import { rescueSchema } from '../src/config/rescue.ts';
import type { HealthSample } from '../src/history/health-samples.ts';
import type { LedgerRow } from '../src/history/ledger.ts';
import type { Finding } from '../src/lint/finding.ts';
import type { Migration } from '../src/migration/file.ts';
import { emptyStep } from '../src/migration/steps.ts';
import type { EnvironmentState, PromotionEvidence } from '../src/promotion/evidence.ts';
import type { QueriesReport } from '../src/rehearsal/queries/report.ts';
import type { RehearsalReport } from '../src/rehearsal/report.ts';
import type { WayBack } from '../src/rehearsal/way-back/report.ts';

/** A winter night in New York: 03:00 there. */
const now: Date = new Date('2026-01-15T08:00:00Z');
const hourMs = 3_600_000;

/** A moment before {@link now}. */
export function hoursAgo(hours: number): Date {
  return new Date(now.getTime() - hours * hourMs);
}

const nights: Window = {
  days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'],
  from: '02:00',
  to: '04:00',
  timeZone: 'America/New_York',
};

export const production: Environment = {
  name: 'production',
  address: undefined,
  addressVariable: undefined,
  after: 'staging',
  guarded: true,
  confirm: 'twice',
  outOfOrder: 'refuse',
  drift: 'refuse',
  soakMs: 24 * hourMs,
  soakGapMs: 3 * hourMs,
  hours: { windows: [nights], blackouts: [] },
  approvals: { count: 0, allowedSigners: undefined },
  evidenceSigners: undefined,
  neverWaive: [],
  drillWithinMs: undefined,
  keepBackupsMs: 0,
  hashBackups: 'small',
  backupEngine: undefined,
  monitor: monitorSchema.parse('0s'),
  undo: false,
  rescue: rescueSchema.parse('off'),
  pools: [],
  apply: {},
  blocksForMs: 500,
  deploy: undefined,
  deployLimitMs: 1_000,
  health: 'https://app.example/api/health/detailed',
  notify: [],
};

export const migration: Migration = {
  version: '008',
  name: '008_add_teacher_mode',
  path: 'migrations/008_add_teacher_mode.sql',
  sql: '',
  checksum: 'c8',
  steps: [emptyStep],
  hasOwnTransaction: true,
};

/** The row of {@link migration} in a ledger. */
export function ledgerRow(more: Partial<LedgerRow> = {}): LedgerRow {
  const { version, name, checksum } = migration;
  const applied = { appliedAt: hoursAgo(30), appliedBy: 'ana', durationMs: 5, backup: null };
  return {
    version,
    name,
    checksum,
    plan: 'p',
    state: 'complete',
    stepsDone: 1,
    stepsTotal: 1,
    ...applied,
    ...more,
  };
}

/** A healthy sample every hour, from the first of these hours ago to the last. */
export function looks(first: number, last: number): readonly HealthSample[] {
  const number = Math.max(0, Math.floor(first - last) + 1);
  return Array.from({ length: number }, (_, index) => ({
    at: hoursAgo(first - index),
    healthy: true,
    probes: [],
  }));
}

/** An environment that has {@link migration}. */
export function environmentState(
  name: string,
  more: Partial<EnvironmentState> = {},
): EnvironmentState {
  return {
    name,
    ledger: [ledgerRow()],
    fingerprint: 'f',
    fingerprintAfterApply: 'f',
    samples: looks(30, 1),
    changesByHand: [],
    drill: null,
    seenAt: now,
    ...more,
  };
}

/** A finding about a concern. */
export function finding(concern: Finding['concern']): Finding {
  return {
    rule: `some-${concern}`,
    hazard: null,
    severity: 'error',
    concern,
    file: migration.path,
    line: 3,
    column: 1,
    endLine: 3,
    endColumn: 2,
    statement: 'DROP TABLE users',
    objects: ['users'],
    lock: null,
    blocks: null,
    work: 'none',
    message: 'It is so.',
    safeForm: 'Do otherwise.',
    fix: null,
    confidence: { kind: 'certain' },
    tags: [],
  };
}

/** What the copy said of the application's queries: all is well. */
const queries: QueriesReport = {
  sources: [{ from: 'pg_stat_statements', statements: 12, problem: null }],
  checked: 12,
  broken: [],
  changedColumns: [],
  costlier: [],
  notChecked: [],
  code: { checked: 3, broken: [], notChecked: [] },
};

const rehearsal: RehearsalReport = {
  kind: 'rehearsal',
  version: 1,
  plan: 'p',
  startedAt: hoursAgo(0.1).toISOString(),
  endedAt: hoursAgo(0).toISOString(),
  outcome: 'done',
  environment: 'production',
  copy: { from: 'backup', name: 'b.dump', place: 'memory' },
  serverVersion: 150_000,
  statements: [],
  totalMs: 12,
  longestBlock: null,
  problems: [],
  queries,
};

/** {@link evidence} of a copy that said something else of the queries. */
export function asked(more: Partial<QueriesReport>): Partial<PromotionEvidence> {
  return { rehearsal: { ...rehearsal, queries: { ...queries, ...more } } };
}

/** {@link evidence} of a command that ended so on the new schema. */
export function ranOldCode(exitCode: number): Partial<PromotionEvidence> {
  const oldCode = { command: 'npm test', exitCode, ms: 5, said: '' };
  return { rehearsal: { ...rehearsal, oldCode } };
}

/** {@link evidence} of a way back that was tried. */
export function tried(more: Partial<WayBack>): Partial<PromotionEvidence> {
  const wayBack: WayBack = {
    label: 'reversible',
    by: 'drydock',
    sql: '',
    ms: 12,
    losses: [],
    reasons: [],
    discards: [],
    compared: null,
    ...more,
  };
  return { rehearsal: { ...rehearsal, wayBack } };
}

/** Evidence that opens every gate. */
export function evidence(more: Partial<PromotionEvidence> = {}): PromotionEvidence {
  return {
    now,
    aheadMs: 0,
    environment: production,
    migrations: [migration],
    findings: [],
    target: { marker: 'production', freeze: null, transactions: [], drift: [] },
    disk: {
      backups: { folder: '/backups', freeBytes: 9e9, neededBytes: 1e6 },
      server: { folder: '/data', freeBytes: 9e9, reserveBytes: 1e8 },
    },
    approvedBy: [],
    local: environmentState('dev'),
    before: environmentState('staging'),
    notice: { by: 'ana', at: hoursAgo(1), delivered: true },
    health: {
      at: now,
      healthy: true,
      probes: [{ probe: 'application', healthy: true, answered: true, figure: '200 in 5 ms' }],
    },
    backup: { file: 'b.dump', takenAt: hoursAgo(0.1), restoreMs: 4_000 },
    restoreObstacle: null,
    rehearsal,
    ...more,
  };
}
