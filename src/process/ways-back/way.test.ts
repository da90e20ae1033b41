import { describe, expect, it } from 'vitest';
import { ledgerRow, production } from '../../../test/promotion.ts';
import type { Backup, Proof } from '../../backup/manifest.ts';
import type { HealthSample } from '../../history/health-samples.ts';
import type { JournalEntry, JournalRow } from '../../history/journal.ts';
import type { LedgerRow } from '../../history/ledger.ts';
import { changesIn, redSince } from '../emergency.ts';
import type { UndonePlan } from '../undoing.ts';
import { chooseBackup, type WayEvidence } from './evidence.ts';
import { restoreTime } from './restore-time.ts';
import { type JudgedWay, judgeWays } from './way.ts';
import { ways } from './ways.ts';

const environment = { ...production, deploy: 'deploy.sh' };

function row(command: string, at: string, more: Partial<JournalEntry> = {}): JournalRow {
  const head = { run: `${command}${at}`, at: `2026-01-15T${at}:00.000Z`, who: 'ana', host: 'desk' };
  return { seq: 1, hash: '', entry: { ...head, command, phase: 'done', ...more } };
}

function backupNamed(name: string, restoreMs: number | null): Backup {
  const proof = { outcome: 'done', dumpSha256: 'd', restoreMs } as Proof;
  const manifest = {
    startedAt: '2026-01-15T07:00:00.000Z',
    dump: { sha256: 'd' },
    source: { sizeBytes: 1_000 },
    contents: { tables: { users: 3 } },
    proof: restoreMs === null ? null : proof,
  };
  return { name, file: `/b/${name}`, manifest } as unknown as Backup;
}

const loss = { since: '', tables: [], inserted: 2, updated: 1, deleted: 0, doubt: null };
const deployed = (release: string, at: string): JournalRow =>
  row('deploy', at, { details: { release, healthy: true }, durationMs: 9_000 });
const journal = [
  deployed('new', '09:00'),
  row('apply', '08:00', { plan: 'p' }),
  deployed('old', '06:00'),
];
const rehearsed = (problems: readonly string[]): JournalRow =>
  row('rehearse', '07:30', { plan: 'p', details: { problems } });

function evidence(more: Partial<WayEvidence> = {}): WayEvidence {
  return {
    environment,
    database: 'app',
    problem: null,
    backup: backupNamed('a.dump', 4_000),
    restoreObstacle: null,
    engine: null,
    undo: { plan: null, problem: 'nothing was kept' },
    journal: [...journal, rehearsed([])],
    ledger: [],
    samples: [],
    loss,
    armed: null,
    ...more,
  };
}

function judged(more: Partial<WayEvidence> = {}): readonly JudgedWay[] {
  return judgeWays(ways, evidence(more));
}

function names(more: Partial<WayEvidence> = {}): readonly string[] {
  return judged(more).flatMap(({ name, judgement }) => (judgement.possible ? [name] : []));
}

function judgementOf(name: string, more: Partial<WayEvidence> = {}): JudgedWay['judgement'] {
  const found = judged(more).find((way) => way.name === name);
  if (found === undefined) throw new Error(name);
  return found.judgement;
}

describe('the ways back', () => {
  it('stand in the order of what they lose, then of their time', () => {
    expect(names()).toEqual(['code', 'tables', 'restore']);
    expect(names({ loss: { ...loss, inserted: 0, updated: 0 } })).toEqual([
      'code',
      'restore',
      'tables',
    ]);
  });

  it('without a backup, an earlier release or an engine say what is missing, and how to have it', () => {
    const none = judged({ backup: null, journal: [] });
    for (const { name, judgement } of none) {
      expect(judgement, name).toMatchObject({
        possible: false,
        prepare: expect.stringMatching(/\w/),
      });
    }
  });

  it('that need the live database are none while it is gone; a restore is one', () => {
    expect(names({ problem: 'it is gone', journal: [], loss: null })).toEqual(['restore']);
  });

  it('by a restore is none while a restore would be refused, and says what to do about it', () => {
    const restoreObstacle = { reason: 'app may not create databases', remedy: 'ALTER ROLE app' };
    expect(judgementOf('restore', { restoreObstacle })).toEqual({
      possible: false,
      whyNot: 'app may not create databases',
      prepare: 'ALTER ROLE app',
    });
  });

  it('by the code alone carry a doubt where the release before was not tried on the new schema', () => {
    expect(judgementOf('code')).toMatchObject({ doubt: null, ms: 9_000 });
    expect(judgementOf('code', { journal })).toMatchObject({
      doubt: expect.stringContaining('never tried'),
    });
    expect(
      judgementOf('code', { journal: [...journal, rehearsed(['no column tier'])] }),
    ).toMatchObject({
      doubt: expect.stringContaining('no column tier'),
    });
    const after = [deployed('newer', '09:30'), ...journal];
    expect(judgementOf('code', { journal: after })).toMatchObject({ doubt: null });
  });

  it('by a restore count the writes since the backup, and say when nobody counted them', () => {
    expect(judgementOf('restore')).toMatchObject({ loss: { rows: 3 } });
    const restarted = { ...loss, doubt: 'the counters began anew' };
    expect(judgementOf('restore', { loss: restarted })).toMatchObject({ loss: { rows: null } });
    expect(judgementOf('restore', { loss: null })).toMatchObject({ loss: { rows: null } });
    expect(judgementOf('restore', { backup: backupNamed('a.dump', null) })).toMatchObject({
      doubt: expect.stringContaining('never proven'),
      ms: null,
    });
  });

  it('by an undo lose what was written to what the plan has made, and nothing else', () => {
    const plan = { plan: 'p', migrations: ['008_a'], provenMs: 300 } as unknown as UndonePlan;
    const undo = { plan, problem: null };
    expect(judgementOf('undo', { undo })).toMatchObject({
      loss: { rows: 0 },
      ms: 300,
      doubt: null,
    });
    expect(names({ undo })).toEqual(['code', 'undo', 'tables', 'restore']);
    const made = row('rehearse', '07:30', {
      plan: 'p',
      details: { problems: [], wayBack: { discards: ['table public.fresh'] } },
    });
    const table = { table: 'public.fresh', inserted: 2, updated: 0, deleted: 0 };
    const other = { ...table, table: 'public.users' };
    const given = { undo, journal: [...journal, made], loss: { ...loss, tables: [table, other] } };
    expect(judgementOf('undo', given)).toMatchObject({
      loss: { rows: 2, sentence: expect.stringContaining('public.fresh') },
    });
  });

  it('by the code alone carry a doubt where nothing was deployed since the apply', () => {
    const undeployed = [
      row('apply', '08:00', { plan: 'p' }),
      deployed('new', '07:00'),
      deployed('old', '06:00'),
    ];
    expect(judgementOf('code', { journal: undeployed })).toMatchObject({
      doubt: expect.stringContaining('nothing was deployed since'),
    });
  });

  it('by pgBackRest name the moment before the apply began, and the configuration', () => {
    const options = { stanza: 'main', config: "/etc/ana's.conf" };
    const pgbackrest = { ...environment, backupEngine: { pgbackrest: options } };
    const applied = (version: string, at: string, durationMs: number): LedgerRow =>
      ledgerRow({ version, appliedAt: new Date(`2026-01-15T${at}Z`), durationMs });
    const ledger = [applied('008', '08:00:05', 4_500), applied('009', '08:00:07', 20)];
    const backups = [{ id: 'F', takenAt: '', sizeBytes: 1, reason: null, proof: null }];
    const engine = { label: 'pgBackRest main', backups, problem: null };
    expect(judgementOf('point-in-time', { environment: pgbackrest, engine, ledger })).toMatchObject(
      {
        possible: true,
        command: expect.stringMatching(
          /^pgbackrest --stanza=main --config='\/etc\/ana'\\''s\.conf' check; .* --target="2026-01-15 07:59:59\.500\+00" /,
        ),
      },
    );
  });
});

describe('the backup to go back to', () => {
  const [newest, before] = [backupNamed('newest.dump', 5), backupNamed('before.dump', 5)];
  const ledger: readonly LedgerRow[] = [ledgerRow({ backup: 'before.dump' })];

  it('is the one from before the newest apply', () => {
    expect(chooseBackup([newest, before], [row('apply', '08:00')], ledger)).toBe(before);
  });

  it('is the newest proven one when the schema came from a restore since', () => {
    const since = [row('restore', '09:00'), row('apply', '08:00')];
    expect(chooseBackup([newest, before], since, ledger)).toBe(newest);
    expect(chooseBackup([backupNamed('new.dump', null), before], [], [])).toBe(before);
    expect(chooseBackup([], [], [])).toBeNull();
  });
});

it('the time of a restore is that of the last one on the same server, by size', () => {
  const backup = backupNamed('a.dump', 4_000);
  expect(restoreTime({ journal: [] }, backup)).toEqual({ ms: 4_000, measured: 'its proof' });
  const drill = row('drill', '05:00', { details: { restoreMs: 3_000, sizeBytes: 500 } });
  expect(restoreTime({ journal: [drill] }, backup)).toEqual({
    ms: 6_000,
    measured: 'the drill of 2026-01-15',
  });
});

it('red is counted from the first sample after the last green one', () => {
  const sample = (hour: number, healthy: boolean): HealthSample => ({
    at: new Date(Date.UTC(2026, 0, 15, hour)),
    healthy,
    probes: [],
  });
  const samples = [sample(1, false), sample(2, true), sample(3, false), sample(4, false)];
  expect(redSince(samples)).toBe('2026-01-15T03:00:00.000Z');
  expect(redSince([...samples, sample(5, true)])).toBeNull();
});

it('a change that never told its end is among the changes, once', () => {
  const killed = row('apply', '09:00', { phase: 'begun' });
  const both = [
    row('deploy', '08:10', { run: 'r' }),
    row('deploy', '08:00', { run: 'r', phase: 'begun' }),
  ];
  const found = changesIn([killed, ...both, row('backup', '07:00')], '2026-01-15');
  expect(found.map(({ command, outcome }) => [command, outcome])).toEqual([
    ['apply', 'begun'],
    ['deploy', 'done'],
  ]);
});
