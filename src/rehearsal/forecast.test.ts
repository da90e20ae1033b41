import { describe, expect, it } from 'vitest';
import { finding } from '../../test/promotion.ts';
import { type ForecastInput, type ForecastLock, forecast } from './forecast.ts';
import type { EnvironmentFigures, TableTraffic } from './forecast-environment.ts';
import { lockSentence, planSentences } from './forecast-sentences.ts';
import { judgeFindings } from './report-findings.ts';
import { problemsOf } from './report-problems.ts';
import type { RehearsedStatement } from './statement.ts';

const mega = 1_048_576;

function statement(more: Partial<RehearsedStatement> = {}): RehearsedStatement {
  return {
    migration: '008_a',
    line: 1,
    sql: 'ALTER TABLE users …',
    ms: 100,
    rows: null,
    transaction: 1,
    locks: [],
    rewrites: [],
    truncated: [],
    scans: [],
    indexBuilds: [],
    validated: [],
    notValidated: [],
    changes: [],
    dropped: [],
    walBytes: 0,
    temporaryFiles: { count: 0, bytes: 0 },
    newBytes: 0,
    ...more,
  };
}

const exclusive = {
  relation: 'users',
  mode: 'ACCESS EXCLUSIVE',
  blocks: 'reads and writes',
} as const;
const share = { relation: 'users', mode: 'SHARE', blocks: 'writes' } as const;

function environment(more: Partial<EnvironmentFigures> = {}): EnvironmentFigures {
  return {
    tables: { users: traffic({}) },
    ratesFrom: 'pg_stat_statements',
    sampledMs: 2_000,
    sessions: 20,
    oldestTransactionMs: 0,
    slots: [],
    replicas: [],
    freeDiskBytes: null,
    ...more,
  };
}

function traffic(more: Partial<TableTraffic>): TableTraffic {
  return { rows: 1_000, bytes: mega, queriesPerSecond: 312, writesPerSecond: 40, ...more };
}

function input(more: Partial<ForecastInput> = {}): ForecastInput {
  return {
    statements: [statement({ locks: [{ ...exclusive, ms: 100 }] })],
    copy: new Map([['users', { rows: 1_000, bytes: mega }]]),
    isWhole: true,
    environment: environment(),
    budget: { blocksForMs: 500 },
    ...more,
  };
}

function onlyLock(more: Partial<ForecastInput>): ForecastLock | undefined {
  return forecast(input(more)).statements[0]?.locks[0];
}

describe('a forecast', () => {
  it('counts who would wait behind a lock, from its statement to the end of the transaction', () => {
    const statements = [
      statement({ locks: [{ ...exclusive, ms: 4_100 }] }),
      statement({ ms: 4_000 }),
      statement({ ms: 9_000, transaction: 2 }),
    ];
    const lock = onlyLock({ statements });
    expect(lock).toMatchObject({ ms: 4_100, waiting: 1_279, isOverBudget: true });
    expect(lock === undefined ? '' : lockSentence(lock)).toBe(
      'holds ACCESS EXCLUSIVE on users for about 4.1 s; at 312 queries a second about 1,279 would wait',
    );
  });

  it('counts the writes alone behind a lock that lets readers pass', () => {
    const statements = [statement({ ms: 1_000, locks: [{ ...share, ms: 1_000 }] })];
    expect(onlyLock({ statements })).toMatchObject({ perSecond: 40, waiting: 40 });
  });

  it('scales a statement that works on rows by the rows of the environment', () => {
    const statements = [
      statement({
        scans: [{ relation: 'users', rows: 1_000 }],
        locks: [{ ...exclusive, ms: 100 }],
      }),
    ];
    const large = environment({ tables: { users: traffic({ rows: 50_000 }) } });
    const { statements: made, confidence } = forecast(input({ statements, environment: large }));
    expect(made[0]).toMatchObject({ ms: 5_000, confidence: 'scaled', locks: [{ ms: 5_000 }] });
    expect(confidence).toBe('scaled');
  });

  it('does not scale a change of the catalog alone', () => {
    const large = environment({ tables: { users: traffic({ rows: 50_000 }) } });
    const made = forecast(input({ environment: large }));
    expect(made.statements[0]).toMatchObject({ ms: 100, confidence: 'measured' });
  });

  it('says that it does not know where the copy has no rows to tell by', () => {
    const statements = [statement({ scans: [{ relation: 'users', rows: 0 }] })];
    const copy = new Map([['users', { rows: 0, bytes: 0 }]]);
    expect(forecast(input({ statements, copy })).confidence).toBe('unknown');
  });

  it('takes traffic that is not known for traffic', () => {
    const statements = [statement({ ms: 600, locks: [{ ...exclusive, ms: 600 }] })];
    const lock = onlyLock({ statements, environment: null });
    expect(lock).toMatchObject({ waiting: null, isOverBudget: true });
    expect(lock === undefined ? '' : lockSentence(lock)).toContain('is not known');
  });

  it.each([
    ['a table that nobody uses', 600, { queriesPerSecond: 0.01 }, false],
    ['a table that somebody uses', 600, { queriesPerSecond: 0.2 }, true],
    ['a lock as long as the budget', 500, {}, false],
  ])('judges %s by the budget', (_, ms, more, isOverBudget) => {
    const statements = [statement({ ms, locks: [{ ...exclusive, ms }] })];
    const figures = environment({ tables: { users: traffic(more) } });
    expect(onlyLock({ statements, environment: figures })).toMatchObject({ isOverBudget });
  });

  it('counts the writers of locked rows by their share of the table', () => {
    const changes = [{ relation: 'users', inserted: 0, updated: 250, deleted: 0 }];
    const lock = onlyLock({ statements: [statement({ ms: 2_000, changes })] });
    expect(lock).toMatchObject({ mode: 'ROWS', perSecond: 10, waiting: 20, isOverBudget: true });
  });

  it('tells no lock twice that an earlier statement of the transaction holds', () => {
    const statements = [
      statement({ locks: [{ ...exclusive, ms: 200 }] }),
      statement({ locks: [{ ...share, ms: 100 }] }),
    ];
    const made = forecast(input({ statements }));
    expect(made.statements.map(({ locks }) => locks.length)).toEqual([1, 0]);
  });

  it('adds up the files of a transaction, the log and the temporary files', () => {
    const statements = [
      statement({ newBytes: 3 * mega, walBytes: mega }),
      statement({ newBytes: 4 * mega, temporaryFiles: { count: 1, bytes: 2 * mega } }),
      statement({ newBytes: 5 * mega, transaction: 2 }),
    ];
    const made = forecast(input({ statements, environment: environment({ freeDiskBytes: mega }) }));
    expect(made.diskBytes).toBe(10 * mega);
    expect(problemsOf({ statements, tables: [], forecast: made })).toEqual([
      'the disk has less free space than the plan needs',
    ]);
  });

  it('names a replication slot that would be lost', () => {
    const slots = [{ name: 'reports', behindBytes: 3 * mega, limitBytes: 4 * mega }];
    const statements = [statement({ walBytes: 2 * mega })];
    const made = forecast(input({ statements, environment: environment({ slots }) }));
    expect(planSentences(made)[1]).toBe(
      'It writes about 2.0 MB of write-ahead log: more than the replication slot reports may fall behind, which would be lost.',
    );
  });
});

describe('the problems of a rehearsal', () => {
  it('name the place, the lock and the budget', () => {
    const statements = [statement({ ms: 600, line: 3, locks: [{ ...exclusive, ms: 600 }] })];
    const made = forecast(input({ statements }));
    expect(problemsOf({ statements, tables: [], forecast: made })).toEqual([
      '008_a:3 holds ACCESS EXCLUSIVE on users for about 600 ms; at 312 queries a second about 187 would wait; the budget is 500 ms',
    ]);
  });

  it('name a table that lost rows unexpectedly', () => {
    const before = { rows: 1_200, bytes: mega };
    const tables = [
      { table: 'orders', before, after: null, lostRows: 1_200, isExpected: false },
      { table: 'users', before, after: null, lostRows: 1_200, isExpected: true },
    ];
    expect(problemsOf({ statements: [], tables, forecast: forecast(input()) })).toEqual([
      'orders has 1,200 rows fewer, and no statement of the plan names it',
    ]);
  });
});

describe('a finding, held against the rehearsal,', () => {
  const claim = {
    ...finding('lock'),
    file: 'migrations/008_a.sql',
    line: 1,
    objects: ['users'],
    lock: 'ACCESS EXCLUSIVE' as const,
  };
  const locked = statement({ locks: [{ ...exclusive, ms: 100 }] });

  it('is confirmed by the lock and the work that it claims', () => {
    const rewriting = { ...locked, rewrites: [{ relation: 'users', bytes: mega }] };
    const { findings } = judgeFindings([{ ...claim, work: 'rewrite' }], [rewriting]);
    expect(findings[0]).toMatchObject({
      verdict: 'confirmed',
      seen: 'ACCESS EXCLUSIVE on users for 100 ms, rewrite',
    });
  });

  it('is overruled where the server did no such work', () => {
    const { findings } = judgeFindings([{ ...claim, work: 'rewrite' }], [locked]);
    expect(findings[0]).toMatchObject({
      verdict: 'overruled',
      seen: 'ACCESS EXCLUSIVE on users for 100 ms, no rewrite',
    });
  });

  it('is overruled where the table was not locked', () => {
    const { findings } = judgeFindings([claim], [statement()]);
    expect(findings[0]).toMatchObject({ verdict: 'overruled', seen: 'no lock on users' });
  });

  it('is not judged when it is about words', () => {
    const { findings } = judgeFindings([{ ...claim, concern: 're-runnable' }], [locked]);
    expect(findings[0]?.verdict).toBe('not shown');
  });

  it('is missed where a table is written anew without one', () => {
    const rewriting = { ...locked, rewrites: [{ relation: 'users', bytes: mega }] };
    expect(judgeFindings([claim], [rewriting]).unclaimed).toEqual([
      { migration: '008_a', line: 1, seen: 'rewrites users' },
    ]);
  });
});
