import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { environmentState, hoursAgo, looks, production } from '../../test/promotion.ts';
import type { HealthSample } from '../history/health-samples.ts';
import type { EnvironmentState } from './evidence.ts';
import { type Soak, soakOf } from './soak.ts';

const hourMs = 3_600_000;

/** The soak of what was applied 30 hours ago, with a gap of 3 hours allowed. */
function soak(more: Partial<EnvironmentState>, aheadMs = 0): Soak {
  const since = hoursAgo(30);
  return soakOf(environmentState('staging', more), { since, rule: production, aheadMs });
}

function hours(more: Partial<EnvironmentState>, aheadMs = 0): number {
  return soak(more, aheadMs).soakedMs / hourMs;
}

function red(hoursBefore: number): HealthSample {
  return { at: hoursAgo(hoursBefore), healthy: false, probes: [] };
}

describe('the time that an environment has soaked', () => {
  it('is that since the apply where somebody looked all along', () => {
    expect(soak({})).toMatchObject({ soakedMs: 30 * hourMs, leftMs: 0, brokenBy: null });
  });

  it('is none where nobody has looked', () => {
    const none = { soakedMs: 0, leftMs: 24 * hourMs, since: null, lastLookAt: null };
    expect(soak({ samples: [] })).toMatchObject({ ...none, brokenBy: 'unseen' });
    expect(soak({ samples: looks(40, 31) })).toMatchObject(none);
  });

  it.each([
    ['from the first look, where it came too late', looks(26, 0), 26],
    ['from the look after a gap in the middle', [...looks(30, 20), ...looks(16, 0)], 16],
    ['not at all, where the last look is too long ago', looks(30, 4), 0],
    ['on over a gap that is just allowed', [...looks(30, 20), ...looks(17, 3)], 30],
  ])('is counted %s', (_how, samples, expected) => {
    expect(hours({ samples })).toBe(expected);
  });

  it('starts with the first green sample after a red one', () => {
    const samples = [...looks(30, 11), red(10.5), ...looks(10, 0)];
    expect(soak({ samples })).toMatchObject({ soakedMs: 10 * hourMs, brokenBy: 'unhealthy' });
    expect(soak({ samples: [...samples, red(0)] })).toMatchObject({ soakedMs: 0, since: null });
  });

  it('starts with the first green sample after a change by hand, also one that was taken back', () => {
    const changesByHand = [{ at: hoursAgo(7.5) }];
    expect(soak({ changesByHand })).toMatchObject({ soakedMs: 7 * hourMs, brokenBy: 'changed' });
    expect(hours({ changesByHand: [{ at: hoursAgo(0) }] })).toBe(0);
  });

  it('ends with the writing of a file', () => {
    const seenAt = hoursAgo(20);
    expect(hours({ seenAt })).toBe(10);
    expect(hours({ seenAt, isSignedFile: true }, 20 * hourMs)).toBe(10);
  });

  it('grows by a wait, in which nobody knows yet what will be seen', () => {
    expect(hours({}, 5 * hourMs)).toBe(35);
    expect(hours({ samples: looks(30, 4) }, 5 * hourMs)).toBe(0);
  });

  it('is not kept alive by a sample from the future', () => {
    expect(hours({ samples: [...looks(30, 4), ...looks(-20, -20)] })).toBe(0);
  });
});

describe('whatever was seen', () => {
  const sample = fc.record({
    at: fc.integer({ min: -2, max: 36 }).map(hoursAgo),
    healthy: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, fc.constant(false)),
    probes: fc.constant([]),
  });
  const seen = fc.record({
    samples: fc.array(sample, { maxLength: 40 }),
    changesByHand: fc.array(fc.record({ at: fc.integer({ min: 0, max: 36 }).map(hoursAgo) }), {
      maxLength: 2,
    }),
  });

  it('another red sample or change by hand never makes the time longer', () => {
    fc.assert(
      fc.property(seen, fc.integer({ min: 0, max: 36 }), (given, at) => {
        const before = hours(given);
        const samples = [...given.samples, red(at)];
        const changesByHand = [...given.changesByHand, { at: hoursAgo(at) }];
        expect(hours({ ...given, samples })).toBeLessThanOrEqual(before);
        expect(hours({ ...given, changesByHand })).toBeLessThanOrEqual(before);
      }),
    );
  });

  it('a green sample less never makes it longer', () => {
    fc.assert(
      fc.property(seen, fc.nat(), (given, chosen) => {
        const green = given.samples.filter(({ healthy }) => healthy);
        const gone = green[chosen % Math.max(1, green.length)];
        const samples = given.samples.filter((each) => each !== gone);
        expect(hours({ ...given, samples })).toBeLessThanOrEqual(hours(given));
      }),
    );
  });
});
