import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  asked,
  environmentState,
  evidence,
  finding,
  hoursAgo,
  ledgerRow,
  looks,
  migration,
  production,
  ranOldCode,
  tried,
} from '../../test/promotion.ts';
import { Secret } from '../config/environment.ts';
import { emptyStep } from '../migration/steps.ts';
import type { Loss } from '../rehearsal/way-back/report.ts';
import type { PromotionEvidence } from './evidence.ts';
import { closedGates, gates, judgeGates, parseWaiver } from './judge.ts';

function stateOf(id: string, given: PromotionEvidence): string | undefined {
  return judgeGates(given).find((gate) => gate.id === id)?.state;
}

const { target, rehearsal: normal } = evidence();
const { rehearsal } = evidence();
if (rehearsal === null) throw new Error('the evidence has no rehearsal');
const red = { at: hoursAgo(2), healthy: false, probes: [] };

const brokenQuery = {
  text: 'SELECT email FROM users',
  from: 'file' as const,
  role: null,
  calls: null,
  reason: 'column "email" does not exist',
  sqlState: '42703',
};

// Each case spoils one thing and must close exactly that gate.
const spoiled: readonly (readonly [string, string, Partial<PromotionEvidence>])[] = [
  [
    'tested-locally',
    'dev lacks it',
    { local: environmentState('dev', { ledger: [], fingerprint: 'g' }) },
  ],
  [
    'tested-locally',
    'dev has it with other content',
    {
      local: environmentState('dev', {
        ledger: [ledgerRow({ checksum: 'other' })],
        fingerprint: 'g',
      }),
    },
  ],
  ['tested-locally', 'dev cannot be read', { local: null }],
  [
    'soaked',
    'staging got it an hour ago',
    {
      before: environmentState('staging', { ledger: [ledgerRow({ appliedAt: hoursAgo(1) })] }),
    },
  ],
  [
    'soaked',
    'staging has other content',
    {
      before: environmentState('staging', { ledger: [ledgerRow({ checksum: 'other' })] }),
    },
  ],
  [
    'soaked',
    'only some steps are in force in staging',
    {
      before: environmentState('staging', { ledger: [ledgerRow({ state: 'partial' })] }),
    },
  ],
  [
    'soaked',
    'a health sample of staging was red two hours ago',
    {
      before: environmentState('staging', { samples: [...looks(30, 3), red, ...looks(1, 0)] }),
    },
  ],
  [
    'soaked',
    'nobody has looked at staging since the apply',
    {
      before: environmentState('staging', { samples: [] }),
    },
  ],
  [
    'soaked',
    'nobody looked at staging for four hours',
    {
      before: environmentState('staging', { samples: [...looks(30, 14), ...looks(10, 0)] }),
    },
  ],
  [
    'soaked',
    'staging was changed by hand two hours ago, and the change was taken back',
    {
      before: environmentState('staging', { changesByHand: [{ at: hoursAgo(2) }] }),
    },
  ],
  [
    'soaked',
    'staging was changed by hand',
    {
      before: environmentState('staging', { fingerprint: 'changed' }),
    },
  ],
  ['soaked', 'staging cannot be read', { before: null }],
  ['no-destructive-statements', 'a table is dropped', { findings: [finding('data-loss')] }],
  ['re-runnable', 'IF NOT EXISTS is missing', { findings: [finding('re-runnable')] }],
  [
    'transactional',
    'a migration takes two steps',
    {
      migrations: [{ ...migration, steps: [...migration.steps, { ...emptyStep, kind: 'alone' }] }],
    },
  ],
  ['in-window', 'it is noon in New York', { now: new Date('2026-01-15T17:00:00Z') }],
  ['team-notified', 'nobody was told', { notice: null }],
  [
    'monitoring-ready',
    'there is no health address',
    {
      environment: { ...production, health: undefined },
    },
  ],
  [
    'monitoring-ready',
    'the application answers with an error',
    {
      health: {
        at: hoursAgo(0),
        healthy: false,
        probes: [{ probe: 'application', healthy: false, answered: true, figure: '503 in 5 ms' }],
      },
    },
  ],
  ['check-clean', 'an error has no line of its own', { findings: [finding('lock')] }],
  ['right-database', 'it is marked as staging', { target: { ...target, marker: 'staging' } }],
  [
    'not-frozen',
    'a person froze it',
    { target: { ...target, freeze: { reason: 'a sale', by: 'ana@desk', at: hoursAgo(1) } } },
  ],
  [
    'approved',
    'one of two approvals is missing',
    {
      environment: { ...production, approvals: { count: 2, allowedSigners: undefined } },
      approvedBy: ['ben'],
    },
  ],
  [
    'no-blockers',
    'a session has been in a transaction for an hour',
    {
      target: {
        ...target,
        transactions: [{ pid: 7, who: 'app psql', state: 'idle in transaction', ageMs: 3_600_000 }],
      },
    },
  ],
  ['rehearsed-within-budget', 'it was not rehearsed', { rehearsal: null }],
  [
    'rehearsed-within-budget',
    'a lock is held for too long',
    { rehearsal: { ...rehearsal, problems: ['008_a:3 holds ACCESS EXCLUSIVE on users'] } },
  ],
  ['way-back-ready', 'there is no proven backup', { backup: null }],
  [
    'no-drift',
    'the schema was changed by hand',
    { target: { ...target, drift: ['table public.by_hand was added'] } },
  ],
  [
    'disk-space',
    'there is no room for a backup',
    {
      disk: {
        backups: { folder: '/backups', freeBytes: 1e6, neededBytes: 2e6 },
        server: null,
      },
    },
  ],
  [
    'disk-space',
    'the disk of the server is nearly full',
    {
      disk: {
        backups: { folder: '/backups', freeBytes: 9e9, neededBytes: 2e6 },
        server: { folder: '/data', freeBytes: 1e6, reserveBytes: 1e8 },
      },
    },
  ],
  [
    'way-back-ready',
    'a restore would be refused',
    { restoreObstacle: { reason: 'app may not create databases', remedy: 'ALTER ROLE' } },
  ],
  [
    'way-back-ready',
    'the proven backup is two days old',
    {
      backup: { file: 'b.dump', takenAt: hoursAgo(48), restoreMs: 1 },
    },
  ],
  [
    'way-back-ready',
    'a drill is wanted, and there was none',
    { environment: { ...production, drillWithinMs: 30 * 24 * 3_600_000 } },
  ],
  ['queries-still-work', 'nothing was rehearsed', { rehearsal: null }],
  ['queries-still-work', 'a query broke', asked({ broken: [brokenQuery] })],
  [
    'queries-still-work',
    'a function does not compile any more',
    asked({
      code: { checked: 0, broken: [{ object: 'function f()', reason: 'gone' }], notChecked: [] },
    }),
  ],
  ['queries-still-work', 'the old code fails on the new schema', ranOldCode(1)],
];

function loss(sentence: string): Loss {
  return { table: null, column: null, rows: null, sentence };
}

// What one case changes of a part that several cases change.
function changed<T extends object>(given: T, more: T | undefined, normal: T): T {
  const differs = ([key, value]: [string, unknown]): boolean =>
    value !== (normal as Record<string, unknown>)[key];
  return { ...given, ...Object.fromEntries(Object.entries(more ?? {}).filter(differs)) };
}

describe('the gates', () => {
  it('begin with the nine lines of the checklist, in its order', () => {
    expect(gates.slice(0, 9).map(({ title }) => title)).toEqual([
      'Tested locally',
      'Tested in staging for 24+ hours',
      'No DROP/TRUNCATE/DELETE commands',
      'Uses IF EXISTS / IF NOT EXISTS',
      'Has BEGIN/COMMIT transaction',
      'Scheduled during low-traffic time (2-4am)',
      'Team notified',
      'Monitoring ready',
      'Rollback plan prepared',
    ]);
  });

  it('are all open when everything is as it should be', () => {
    expect(judgeGates(evidence()).filter(({ state }) => state !== 'open')).toEqual([]);
  });

  it.each(spoiled)('%s closes when %s', (id, _why, more) => {
    expect(stateOf(id, evidence(more))).toBe('closed');
  });

  it('say how to open every closed one', () => {
    for (const [id, , more] of spoiled) {
      const gate = judgeGates(evidence(more)).find((candidate) => candidate.id === id);
      expect(gate?.howToOpen).toBeTruthy();
    }
  });

  it('stay closed whatever else is against the change', () => {
    fc.assert(
      fc.property(fc.subarray(spoiled.map((_, index) => index)), (chosen) => {
        let given = evidence();
        let closed = new Set<string>();
        for (const index of chosen) {
          const more = spoiled[index]?.[2];
          const findings = [...given.findings, ...(more?.findings ?? [])];
          const environment = changed(given.environment, more?.environment, production);
          const shown = changed(given.target, more?.target, target);
          const rehearsal =
            given.rehearsal === null || more?.rehearsal === null || normal === null
              ? null
              : changed(given.rehearsal, more?.rehearsal, normal);
          given = { ...given, ...more, findings, environment, target: shown, rehearsal };
          const now = new Set(
            judgeGates(given)
              .filter(({ state }) => state === 'closed')
              .map(({ id }) => id),
          );
          // Two cases that spoil the same evidence replace each other; the gate is closed by both.
          expect([...closed].filter((id) => !now.has(id))).toEqual([]);
          closed = now;
        }
      }),
    );
  });

  it('soaked opens without a look where no soak is wanted', () => {
    const environment = { ...production, soakMs: 0 };
    const before = environmentState('staging', { samples: [] });
    expect(stateOf('soaked', evidence({ environment, before }))).toBe('open');
  });

  it('soaked is judged by the clock of staging, whatever the time is elsewhere', () => {
    const later = evidence({ now: hoursAgo(-100), before: environmentState('staging') });
    const young = { ledger: [ledgerRow({ appliedAt: hoursAgo(4) })] };
    expect(stateOf('soaked', later)).toBe('open');
    const before = environmentState('staging', young);
    expect(stateOf('soaked', evidence({ now: hoursAgo(-100), before }))).toBe('closed');
    expect(stateOf('soaked', evidence({ aheadMs: 20 * 3_600_000, before }))).toBe('open');
  });

  it('soaked says what keeps the looks coming', () => {
    const before = environmentState('staging', { samples: [] });
    expect(judgeGates(evidence({ before })).find(({ id }) => id === 'soaked')).toMatchObject({
      reason: 'nobody has looked at staging since the apply',
      howToOpen: 'drydock health staging; and so that looks go on: drydock monitor staging',
    });
  });

  it('way-back-ready closes when a drill is wanted and the newest one is too old', () => {
    const environment = { ...production, drillWithinMs: 24 * 3_600_000 };
    const drilled = (hours: number): string | undefined => {
      const drill = { at: hoursAgo(hours), recoveryMs: 5 };
      const before = environmentState('staging', { drill });
      return stateOf('way-back-ready', evidence({ environment, before }));
    };
    expect([drilled(24), drilled(25)]).toEqual(['open', 'closed']);
  });

  it('no-drift says before the first apply that there is nothing to compare with', () => {
    const given = evidence({ target: { ...target, marker: undefined } });
    expect(judgeGates(given).find((gate) => gate.id === 'no-drift')).toMatchObject({
      state: 'open',
      reason: 'nothing to compare with before the first apply',
    });
  });

  it('tested-locally opens for a migration that was run by hand when dev looks like staging', () => {
    const byHand = environmentState('dev', { ledger: [] });
    expect(stateOf('tested-locally', evidence({ local: byHand }))).toBe('open');
  });

  it('tested-locally stays closed when dev looks like a staging that lacks the migration', () => {
    const without = { ledger: [] };
    const given = evidence({
      local: environmentState('dev', without),
      before: environmentState('staging', without),
    });
    expect(stateOf('tested-locally', given)).toBe('closed');
  });

  it('team-notified waits for the apply where webhooks will tell the team', () => {
    const notify = [{ url: new Secret('http://127.0.0.1/hook') }];
    const given = evidence({ environment: { ...production, notify }, notice: null });
    expect(closedGates(judgeGates(given), 'before')).toEqual([]);
    const failed = { ...given, notice: { by: '', at: hoursAgo(0), delivered: false } };
    expect(closedGates(judgeGates(failed), 'before').map(({ id }) => id)).toEqual([
      'team-notified',
    ]);
  });

  it('queries-still-work says what was not looked at, and does not call it well', () => {
    const reasonOf = (more: Parameters<typeof asked>[0]): string | undefined =>
      judgeGates(evidence(asked(more))).find(({ id }) => id === 'queries-still-work')?.reason;
    expect(reasonOf({ notChecked: [brokenQuery] })).toBe('12 work as before; 1 not checked');
    const problem = 'pg_stat_statements is not installed in this database';
    const sources = [{ from: 'pg_stat_statements' as const, statements: 0, problem }];
    expect(reasonOf({ checked: 0, sources })).toBe(`no query was known: ${problem}`);
  });

  it.each([
    [tried({}), 'can be taken back in 12 ms'],
    [
      tried({
        label: 'reversible with loss',
        losses: [loss('9 values of a.b are gone'), loss('x')],
      }),
      'with loss: 9 values of a.b are gone, and 1 more',
    ],
    [tried({ label: 'irreversible', reasons: ['rows changed'] }), 'irreversible: rows changed'],
  ])('way-back-ready says what the trial of the way back showed %#', (more, words) => {
    const gate = judgeGates(evidence(more)).find(({ id }) => id === 'way-back-ready');
    expect(gate).toMatchObject({ state: 'open', reason: expect.stringContaining(words) });
  });

  it('do not count before the apply what the apply brings itself', () => {
    const judged = judgeGates(evidence({ backup: null, rehearsal: null }));
    expect(closedGates(judged, 'before')).toEqual([]);
    expect(closedGates(judged, 'after rehearsal').map(({ id }) => id)).toEqual([
      'way-back-ready',
      'rehearsed-within-budget',
      'queries-still-work',
    ]);
  });
});

describe('a waiver', () => {
  it('passes a closed gate and stays visible with name and reason', () => {
    const waiver = parseWaiver('in-window=the team is awake = now', 'ana');
    const judged = judgeGates(evidence({ now: new Date('2026-01-15T17:00:00Z') }), [waiver]);
    expect(judged.find(({ id }) => id === 'in-window')).toMatchObject({
      state: 'waived',
      reason: expect.stringContaining('waived by ana: the team is awake = now'),
    });
  });

  it('passes nothing that the configuration lets nobody waive', () => {
    const environment = { ...production, neverWaive: ['in-window'] };
    const given = evidence({ environment, now: new Date('2026-01-15T17:00:00Z') });
    const judged = judgeGates(given, [parseWaiver('in-window=now', 'ana')]);
    expect(judged.find(({ id }) => id === 'in-window')).toMatchObject({
      state: 'closed',
      reason: expect.stringContaining('lets nobody waive it'),
    });
  });

  it('cannot be forbidden for a gate that does not exist', () => {
    const environment = { ...production, neverWaive: ['in-windows'] };
    expect(() => judgeGates(evidence({ environment }))).toThrow(
      expect.objectContaining({ code: 'config/unknown-gate' }),
    );
  });

  it.each(['in-window', 'in-window=', 'no-such-gate=reason'])('is refused as %s', (text) => {
    expect(() => parseWaiver(text, 'ana')).toThrow(
      expect.objectContaining({ code: 'usage/bad-waiver' }),
    );
  });
});
