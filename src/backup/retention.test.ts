import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeRetention, type Retainable, type RetentionRules } from './retention.ts';

const dayMs = 24 * 3_600_000;
const now = new Date('2025-10-15T12:00:00Z');

function backup(ageDays: number, more: Partial<Retainable> = {}): Retainable {
  const takenAt = new Date(now.getTime() - ageDays * dayMs);
  const name = `age ${ageDays}`;
  const whole = { sizeBytes: 100, log: null, proven: true, precedesMigration: true, marked: false };
  return { name, takenAt, ...whole, ...more };
}

const at = (server: string, bytes: bigint): Pick<Retainable, 'log'> => ({
  log: { server, bytes },
});

const rules = (more: Partial<RetentionRules> = {}): RetentionRules => ({
  now,
  keepMs: 30 * dayMs,
  needed: new Set(),
  ...more,
});

const deleted = (backups: readonly Retainable[], more: Partial<RetentionRules> = {}): string[] =>
  judgeRetention(backups, rules(more))
    .filter(({ fate }) => fate === 'delete')
    .map(({ backup: { name } }) => name);

describe('of the old backups', () => {
  it('go those that nothing speaks for', () => {
    expect(deleted([backup(31), backup(1), backup(29), backup(400)])).toEqual([
      'age 31',
      'age 400',
    ]);
  });

  const kept: [string, Retainable[]][] = [
    ['the only one stays', [backup(400)]],
    ['all stay while the newest is unproven', [backup(1, { proven: false }), backup(40)]],
    [
      'all stay when the newest shrank to less than half',
      [backup(1, { sizeBytes: 49 }), backup(40)],
    ],
    ['all stay when the newest is from the future', [backup(-1), backup(40)]],
    [
      'all stay when one is younger by its time and older by the log of its server',
      [backup(1), backup(2, at('a', 9n)), backup(35, at('a', 5n)), backup(40, at('a', 7n))],
    ],
    ['a marked one stays', [backup(1), backup(40, { marked: true })]],
    [
      'the newest proven one before a migration stays',
      [backup(1, { precedesMigration: false }), backup(2, { proven: false }), backup(40)],
    ],
  ];
  it('goes one whose log is of another server, or grew with the time', () => {
    const others = [backup(1, at('a', 9n)), backup(35, at('b', 99n)), backup(40, at('a', 7n))];
    expect(deleted(others)).toEqual(['age 35', 'age 40']);
  });

  it.each(kept)('%s', (_what, backups) => {
    expect(deleted(backups)).toEqual([]);
  });

  it('one whose migration is watched stays', () => {
    expect(deleted([backup(1), backup(40)], { needed: new Set(['age 40']) })).toEqual([]);
  });

  it('each has its reason', () => {
    const verdicts = judgeRetention(
      [backup(1), backup(20), backup(40, { marked: true }), backup(50)],
      rules(),
    );
    expect(verdicts.map(({ reason }) => reason)).toEqual([
      'the newest one',
      'not older than 30 d',
      'marked to be kept',
      'older than 30 d',
    ]);
  });
});

describe('whatever the history', () => {
  const anyBackup = fc.record({
    name: fc.uuid(),
    takenAt: fc
      .integer({ min: -3, max: 400 })
      .map((days) => new Date(now.getTime() - days * dayMs)),
    sizeBytes: fc.integer({ min: 0, max: 1_000 }),
    log: fc.constantFrom(null, at('a', 1n).log, at('a', 2n).log, at('b', 1n).log),
    proven: fc.boolean(),
    precedesMigration: fc.boolean(),
    marked: fc.boolean(),
  });
  const anyHistory = fc.array(anyBackup, { maxLength: 12 });
  const remaining = (history: readonly Retainable[], at: RetentionRules): Retainable[] =>
    judgeRetention(history, at)
      .filter(({ fate }) => fate === 'keep')
      .map(({ backup: each }) => each);

  it('a restorable backup before a migration remains where there was one', () => {
    const isWayBack = (each: Retainable): boolean => each.proven && each.precedesMigration;
    fc.assert(
      fc.property(anyHistory, fc.array(fc.nat(60 * dayMs)), (history, pauses) => {
        // Pruned again and again while time goes by.
        let left: Retainable[] = history;
        let time = now.getTime();
        for (const pause of [0, ...pauses]) {
          time += pause;
          left = remaining(left, rules({ now: new Date(time) }));
        }
        expect(left.some(isWayBack)).toBe(history.some(isWayBack));
        expect(left.length > 0).toBe(history.length > 0);
      }),
    );
  });

  it('nothing goes that is young, marked or needed, and every backup has a verdict', () => {
    fc.assert(
      fc.property(anyHistory, fc.nat(400), fc.nat(11), (history, keepDays, at) => {
        const needed = new Set(history.slice(at, at + 1).map(({ name }) => name));
        const verdicts = judgeRetention(history, rules({ keepMs: keepDays * dayMs, needed }));
        expect(new Set(verdicts.map(({ backup: each }) => each))).toEqual(new Set(history));
        for (const { backup: each, fate } of verdicts) {
          if (fate === 'keep') continue;
          expect(each.marked || needed.has(each.name)).toBe(false);
          expect(now.getTime() - each.takenAt.getTime()).toBeGreaterThan(keepDays * dayMs);
        }
      }),
    );
  });

  it('keeping longer deletes no more, and pruning twice deletes nothing more', () => {
    fc.assert(
      fc.property(anyHistory, fc.nat(400), fc.nat(400), (history, a, b) => {
        const [short, long] = [Math.min(a, b), Math.max(a, b)].map((days) =>
          remaining(history, rules({ keepMs: days * dayMs })),
        );
        expect(long).toEqual(expect.arrayContaining(short ?? []));
        expect(remaining(short ?? [], rules({ keepMs: Math.min(a, b) * dayMs }))).toEqual(short);
      }),
    );
  });
});
