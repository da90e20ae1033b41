import { describe, expect, it } from 'vitest';
import { limitsWith } from '../../test/probe.ts';
import type { ProbeResult } from '../history/health-samples.ts';
import type { Figures } from './figures.ts';
import { judgeFigures } from './judge-figures.ts';

const calm: Figures = {
  connections: { used: 10, max: 100 },
  'lock waits': { waiting: 0 },
  transactions: { open: [], hidden: 0 },
  replicas: { replicas: [], hidden: 0 },
  slots: [],
  indexes: [],
  keys: [],
  'dead rows': [],
  wraparound: { database: 'shop', used: 0.01 },
  statements: null,
};

const limits = limitsWith();

function red(figures: Figures, baseline?: Figures): readonly ProbeResult[] {
  return judgeFigures(figures, { limits, baseline }).filter(({ healthy }) => !healthy);
}

describe('what is seen of a database', () => {
  it('is green where nothing is over its limit', () => {
    expect(red(calm)).toEqual([]);
    expect(red(calm, calm)).toEqual([]);
  });

  it.each([
    ['connections', { used: 91, max: 100 }, '91 of 100 are in use, over 90%'],
    ['lock waits', { waiting: 11 }, '11 sessions wait, more than 10'],
    ['indexes', ['public.a'], 'public.a is not valid'],
    ['keys', [{ name: 'public.s', used: 0.81 }], 'public.s has used 81%'],
    ['wraparound', { database: 'shop', used: 0.6 }, 'shop is 60% of the way'],
  ])('is red by %s over the limit, and says why', (probe, seen, figure) => {
    expect(red({ ...calm, [probe]: seen })).toEqual([
      { probe, healthy: false, answered: true, figure },
    ]);
  });

  it('is not red by what was so before the change, which is said', () => {
    const old = { ...calm, indexes: ['public.old'] };
    expect(red(old, old)).toEqual([]);
    const judged = judgeFigures(old, { limits, baseline: old });
    expect(judged.find(({ probe }) => probe === 'indexes')?.figure).toBe(
      '1 not valid; as before the change: public.old is not valid',
    );
  });

  it('is red by what has come since, beside what was there', () => {
    const before = { ...calm, indexes: ['public.old'] };
    const after = { ...calm, indexes: ['public.new', 'public.old'] };
    expect(red(after, before)).toEqual([
      {
        probe: 'indexes',
        healthy: false,
        answered: true,
        figure: 'public.new is not valid; as before the change: public.old is not valid',
      },
    ]);
  });

  it('is red by what was there before, but within its limit', () => {
    const table = { table: 'public.users', dead: 200_000 };
    const before = { ...calm, 'dead rows': [{ ...table, share: 0.5 }] };
    const after = { ...calm, 'dead rows': [{ ...table, share: 0.9 }] };
    expect(red(after, before)).toHaveLength(1);
  });

  it('is judged by a baseline that knows fewer probes', () => {
    expect(red({ ...calm, indexes: ['public.new'] }, {})).toHaveLength(1);
  });

  it('names three things and counts the rest', () => {
    const indexes = ['a', 'b', 'c', 'd', 'e'];
    expect(red({ ...calm, indexes })[0]?.figure).toMatch(/^a is .+; and 2 more$/);
  });
});
