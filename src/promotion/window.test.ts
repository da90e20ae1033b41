import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChangeHours, Weekday, Window } from '../config/environment.ts';
import { blackoutAt, mayChange, nextOpening } from './window.ts';

const everyDay: readonly Weekday[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

function window(more: Partial<Window>): ChangeHours {
  const night = { days: everyDay, from: '02:00', to: '04:00', timeZone: 'America/New_York' };
  return { windows: [{ ...night, ...more }], blackouts: [] };
}

const night = window({});
const overMidnight = window({ from: '23:00', to: '01:00', timeZone: 'Europe/Berlin' });

function at(text: string): Date {
  return new Date(text);
}

describe('a window', () => {
  it.each([
    ['2026-01-15T06:59:59Z', false],
    ['2026-01-15T07:00:00Z', true],
    ['2026-01-15T08:59:59Z', true],
    ['2026-01-15T09:00:00Z', false],
  ])('from two to four is judged by the local clock: %s', (moment, inside) => {
    expect(mayChange(night, at(moment))).toBe(inside);
  });

  it.each([
    ['2026-01-15T21:59:00Z', false],
    ['2026-01-15T22:30:00Z', true],
    ['2026-01-15T23:59:00Z', true],
    ['2026-01-16T00:00:00Z', false],
  ])('over midnight is one window: %s', (moment, inside) => {
    expect(mayChange(overMidnight, at(moment))).toBe(inside);
  });

  it.each([
    ['2026-01-16T22:30:00Z', true, 'Friday night in Berlin'],
    ['2026-01-16T23:30:00Z', true, "half past midnight: still Friday's window"],
    ['2026-01-15T23:30:00Z', false, "half past midnight of a Thursday's night"],
    ['2026-01-17T22:30:00Z', false, 'Saturday night'],
  ])('on some days belongs to the day on which it begins: %s', (moment, inside, why) => {
    const fridays = window({
      days: ['fri'],
      from: '23:00',
      to: '01:00',
      timeZone: 'Europe/Berlin',
    });
    expect(mayChange(fridays, at(moment)), why).toBe(inside);
  });

  it('moves with daylight saving', () => {
    expect(mayChange(night, at('2026-07-15T06:30:00Z'))).toBe(true);
    expect(mayChange(night, at('2026-07-15T08:30:00Z'))).toBe(false);
  });

  it('begins after the gap when the clock jumps over its start', () => {
    // 8 March 2026: 01:59:59 EST is followed by 03:00:00 EDT.
    expect(mayChange(night, at('2026-03-08T06:59:59Z'))).toBe(false);
    expect(mayChange(night, at('2026-03-08T07:00:00Z'))).toBe(true);
    expect(nextOpening(night, at('2026-03-08T06:00:00Z'))).toEqual(at('2026-03-08T07:00:00Z'));
  });

  it('counts an hour that comes twice both times', () => {
    // 25 October 2026: 03:00 CEST is followed by 02:00 CET.
    const hour = window({ from: '02:00', to: '03:00', timeZone: 'Europe/Berlin' });
    expect(mayChange(hour, at('2026-10-25T00:30:00Z'))).toBe(true);
    expect(mayChange(hour, at('2026-10-25T01:30:00Z'))).toBe(true);
    expect(mayChange(hour, at('2026-10-25T02:00:00Z'))).toBe(false);
  });

  it('opens next when its local time comes', () => {
    expect(nextOpening(night, at('2026-01-15T09:00:00Z'))).toEqual(at('2026-01-16T07:00:00Z'));
    const within = at('2026-01-15T07:30:00Z');
    expect(nextOpening(night, within)).toBe(within);
    const mondays = window({ days: ['mon'] });
    expect(nextOpening(mondays, at('2026-01-15T09:00:00Z'))).toEqual(at('2026-01-19T07:00:00Z'));
  });

  it('is open when one of several is, and always when there is none', () => {
    const two = { windows: [...night.windows, ...overMidnight.windows], blackouts: [] };
    expect(mayChange(two, at('2026-01-15T22:30:00Z'))).toBe(true);
    expect(nextOpening(two, at('2026-01-15T12:00:00Z'))).toEqual(at('2026-01-15T22:00:00Z'));
    expect(mayChange({ windows: [], blackouts: [] }, at('2026-01-15T12:00:00Z'))).toBe(true);
  });
});

describe('a blackout', () => {
  const holidays = { from: '2026-12-20', to: '2027-01-03', reason: 'the holidays' };
  const hours = { ...night, blackouts: [{ ...holidays, timeZone: 'America/New_York' }] };

  it('closes every window from its first to its last local day', () => {
    expect(mayChange(hours, at('2026-12-19T07:30:00Z'))).toBe(true);
    expect(mayChange(hours, at('2026-12-20T07:30:00Z'))).toBe(false);
    expect(blackoutAt(hours, at('2027-01-04T04:59:00Z'))?.reason).toBe('the holidays');
    expect(blackoutAt(hours, at('2027-01-04T05:00:00Z'))).toBeUndefined();
    expect(nextOpening(hours, at('2026-12-20T07:30:00Z'))).toEqual(at('2027-01-04T07:00:00Z'));
  });

  it('that lasts longer than a year has no end worth waiting for', () => {
    const closed = { ...hours.blackouts[0], from: '2026-01-01', to: '2030-01-01' };
    const forEver = { ...night, blackouts: [{ ...closed, timeZone: 'UTC', reason: undefined }] };
    expect(nextOpening(forEver, at('2026-06-01T00:00:00Z'))).toBeUndefined();
  });
});

it('the next opening is the first moment at which the environment may be changed', () => {
  const time = fc.integer({ min: 0, max: 47 }).map((half) => {
    const two = (value: number): string => String(value).padStart(2, '0');
    return `${two(Math.floor(half / 2))}:${half % 2 === 0 ? '00' : '30'}`;
  });
  const zone = fc.constantFrom('UTC', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe');
  const days = fc.subarray([...everyDay], { minLength: 1 });
  const start = fc.date({ min: at('2026-01-01'), max: at('2026-12-31'), noInvalidDate: true });
  fc.assert(
    fc.property(days, time, time, zone, start, (on, from, to, timeZone, now) => {
      fc.pre(from !== to);
      const hours = window({ days: on, from, to, timeZone });
      const next = nextOpening(hours, now);
      expect(next !== undefined && mayChange(hours, next)).toBe(true);
      if (next !== undefined && next > now) {
        expect(mayChange(hours, new Date(next.getTime() - 1))).toBe(false);
      }
    }),
    { numRuns: 40 },
  );
});
