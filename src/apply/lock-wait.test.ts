import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextLockWait } from './lock-wait.ts';

describe('the wait for a lock', () => {
  it('begins so short that readers hardly notice', () => {
    expect(nextLockWait(0).lockTimeoutMs).toBe(50);
  });

  it('never shrinks and never passes half a second', () => {
    fc.assert(
      fc.property(fc.nat(200), (retries) => {
        const now = nextLockWait(retries).lockTimeoutMs;
        expect(nextLockWait(retries + 1).lockTimeoutMs).toBeGreaterThanOrEqual(now);
        expect(now).toBeLessThanOrEqual(500);
      }),
    );
  });

  it('pauses longer than it waited, by a random part', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.double({ min: 0, max: 1, noNaN: true }), (retries, random) => {
        const { lockTimeoutMs, pauseMs } = nextLockWait(retries, () => random);
        expect(pauseMs).toBeGreaterThanOrEqual(lockTimeoutMs - 1);
        expect(pauseMs).toBeLessThanOrEqual(2_000);
      }),
    );
  });
});
