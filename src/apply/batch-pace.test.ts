import { describe, expect, it } from 'vitest';
import { firstBatchSize, nextBatchSize, tooFarBehind } from './batch-pace.ts';
import { progressInWords } from './batch-progress.ts';

const figures = { walked: 1000, ms: 250, walBytes: 0 };

describe('the size of a batch', () => {
  it('is what was wanted at most, from the first one on', () => {
    expect(firstBatchSize(undefined)).toBe(1000);
    expect(firstBatchSize(10)).toBe(10);
    expect(nextBatchSize(10, { ...figures, ms: 1 }, 10)).toBe(10);
  });

  it.each([
    ['doubles at most', { ms: 1 }, 2000],
    ['halves at most', { ms: 100_000 }, 500],
    ['stays where a batch takes as long as it should', {}, 1000],
    ['goes down with much WAL, however quick', { ms: 1, walBytes: 20 * 1024 * 1024 }, 800],
  ])('%s', (_, change, expected) => {
    expect(nextBatchSize(1000, { ...figures, ...change }, undefined)).toBe(expected);
  });

  it('does not shrink to nothing', () => {
    expect(nextBatchSize(60, { ...figures, ms: 100_000 }, undefined)).toBe(50);
  });
});

it('replicas are waited for by time, or by bytes', () => {
  expect(tooFarBehind({ ms: null, bytes: null })).toBeUndefined();
  expect(tooFarBehind({ ms: 4_000, bytes: 1_000 })).toBeUndefined();
  expect(tooFarBehind({ ms: 6_000, bytes: 0 })).toBe('6.0 s');
  expect(tooFarBehind({ ms: null, bytes: 2 ** 30 })).toBe('1.0 GB');
  expect(tooFarBehind({ ms: 3, bytes: 2 ** 30 })).toBe('1.0 GB');
});

it('a walk is told by its bar and the pace of this run', () => {
  const figures = { walkedBefore: 500, walked: 600, changed: 1234, total: 1000, ms: 1000 };
  expect(progressInWords(figures)).toBe('████████████░░░░░░░░ 60 %  1,234 rows  4.0 s left');
  expect(progressInWords({ ...figures, walkedBefore: 600 })).toBe(
    '████████████░░░░░░░░ 60 %  1,234 rows',
  );
  expect(progressInWords({ ...figures, total: 0 })).toBe('1,234 rows');
  expect(progressInWords({ ...figures, total: 500 })).toMatch(/100 %.*0 ms left$/);
});
