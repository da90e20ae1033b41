import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Holder } from './lock-holders.ts';
import { lockTimeoutMs, nextMove, pauseAfterCrowdMs } from './lock-wait.ts';

function holder(transaction: string, more: Partial<Holder> = {}): Holder {
  return {
    pid: 1,
    prepared: null,
    transaction,
    user: 'app',
    application: null,
    query: null,
    ageMs: 10,
    idleMs: null,
    mode: 'ACCESS SHARE',
    ...more,
  };
}

const never = (): number => 0;

describe('the wait for a lock', () => {
  it('begins so short that readers hardly notice', () => {
    expect(lockTimeoutMs('brief', 0)).toBe(50);
  });

  it('never shrinks and never passes half a second where others queue behind it', () => {
    fc.assert(
      fc.property(fc.nat(200), (failedTries) => {
        const now = lockTimeoutMs('brief', failedTries);
        expect(lockTimeoutMs('brief', failedTries + 1)).toBeGreaterThanOrEqual(now);
        expect(now).toBeLessThanOrEqual(500);
      }),
    );
  });

  it('is long where nobody who reads or writes queues behind it', () => {
    expect(lockTimeoutMs('patient', 0)).toBeGreaterThan(1_000);
  });
});

describe('the next move', () => {
  const cases: readonly (readonly [string, Parameters<typeof nextMove>[0], string])[] = [
    ['nobody is there', { holders: [], outlasting: [], seenForMs: never }, 'plain'],
    [
      'only short transactions are there',
      { holders: [holder('3/1'), holder('4/7')], outlasting: [], seenForMs: never },
      'plain',
    ],
    [
      'one that outlasted the last wait is there',
      { holders: [holder('3/1')], outlasting: ['3/1'], seenForMs: never },
      'look',
    ],
    [
      'one that outlasted the last wait is open, though it holds no table lock',
      { holders: [], outlasting: ['3/1'], seenForMs: never },
      'look',
    ],
    [
      'an old one has come',
      { holders: [holder('3/1', { ageMs: 5_000 })], outlasting: [], seenForMs: never },
      'look',
    ],
    [
      'the server does not tell the age, and it has been seen for long',
      { holders: [holder('3/1', { ageMs: null })], outlasting: [], seenForMs: () => 2_000 },
      'look',
    ],
    [
      'only an old autovacuum is there',
      {
        holders: [holder('3/1', { ageMs: 60_000, mode: 'SHARE UPDATE EXCLUSIVE' })],
        outlasting: ['3/1'],
        seenForMs: never,
      },
      'sideways',
    ],
    [
      'an old reader is there beside the autovacuum',
      {
        holders: [
          holder('3/1', { ageMs: 60_000, mode: 'SHARE UPDATE EXCLUSIVE' }),
          holder('4/1', { ageMs: 60_000 }),
        ],
        outlasting: [],
        seenForMs: never,
      },
      'look',
    ],
  ];
  it.each(cases)('when %s', (_, facts, expected) => {
    expect(nextMove(facts)).toBe(expected);
  });
});

describe('the pause after a crowd', () => {
  it('grows, with a random part, and stays below a minute', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (times, random) => {
          const ms = pauseAfterCrowdMs(times, () => random);
          expect(ms).toBeGreaterThanOrEqual(500);
          expect(ms).toBeLessThanOrEqual(60_000);
        },
      ),
    );
  });
});
