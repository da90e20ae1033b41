import { describe, expect, it } from 'vitest';
import { isInWindow, untilWindow } from './window.ts';

const night = { from: '02:00', to: '04:00', timeZone: 'America/New_York' };
const overMidnight = { from: '23:00', to: '01:00', timeZone: 'Europe/Berlin' };
const hourMs = 3_600_000;

describe('a window', () => {
  it.each([
    ['2026-01-15T06:59:59Z', false],
    ['2026-01-15T07:00:00Z', true],
    ['2026-01-15T08:59:59Z', true],
    ['2026-01-15T09:00:00Z', false],
  ])('from two to four is judged by the local clock: %s', (at, inside) => {
    expect(isInWindow(night, new Date(at))).toBe(inside);
  });

  it.each([
    ['2026-01-15T21:59:00Z', false],
    ['2026-01-15T22:30:00Z', true],
    ['2026-01-15T23:59:00Z', true],
    ['2026-01-16T00:00:00Z', false],
  ])('over midnight is one window: %s', (at, inside) => {
    expect(isInWindow(overMidnight, new Date(at))).toBe(inside);
  });

  it('moves with daylight saving', () => {
    expect(isInWindow(night, new Date('2026-07-15T06:30:00Z'))).toBe(true);
    expect(isInWindow(night, new Date('2026-07-15T08:30:00Z'))).toBe(false);
  });

  it('begins after the gap when the clock jumps over its start', () => {
    // 8 March 2026: 01:59:59 EST is followed by 03:00:00 EDT.
    expect(isInWindow(night, new Date('2026-03-08T06:59:59Z'))).toBe(false);
    expect(isInWindow(night, new Date('2026-03-08T07:00:00Z'))).toBe(true);
    expect(untilWindow(night, new Date('2026-03-08T06:00:00Z'))).toBe(hourMs);
  });

  it('opens next when its local time comes', () => {
    expect(untilWindow(night, new Date('2026-01-15T09:00:00Z'))).toBe(22 * hourMs);
    expect(untilWindow(night, new Date('2026-01-15T07:30:00Z'))).toBe(0);
  });
});
