import { describe, expect, it } from 'vitest';
import type { MonitorRules } from './monitor.ts';
import { parseConfig } from './schema.ts';

function parse(monitor: unknown): MonitorRules | undefined {
  const environments = { dev: monitor === undefined ? {} : { monitor } };
  const from = { root: '/project', file: undefined, variables: {} };
  return parseConfig({ environments }, from).environments[0]?.monitor;
}

const dayMs = 24 * 3_600_000;

describe('the monitoring of an environment', () => {
  it('lasts a day, with a sample a minute, when nothing is said', () => {
    expect(parse(undefined)).toMatchObject({ forMs: dayMs, everyMs: 60_000, redInARow: 2 });
  });

  it('lasts as long as a duration alone says', () => {
    expect(parse('48h')).toEqual({ ...parse(undefined), forMs: 2 * dayMs });
  });

  it('takes shares, sizes and durations as people write them', () => {
    const limits = {
      connections: '75%',
      slotSize: '1.5GB',
      longTransaction: '90s',
      lockWaiters: 0,
    };
    expect(parse({ every: '30s', limits })).toMatchObject({
      forMs: dayMs,
      everyMs: 30_000,
      limits: {
        connections: 0.75,
        slotBytes: 1.5 * 1024 ** 3,
        longTransactionMs: 90_000,
        lockWaiters: 0,
        keysUsed: 0.8,
      },
    });
  });

  it('tells each of its problems with its place', () => {
    const parsing = (): unknown =>
      parse({ for: 'a day', redInARow: 0, limits: { deadRows: 0.5, slotSize: '10', cpu: '90%' } });
    expect(parsing).toThrow(
      expect.objectContaining({
        code: 'config/invalid',
        details: expect.objectContaining({
          problems: [
            expect.stringContaining('environments.dev.monitor.for: is not a duration'),
            expect.stringContaining('environments.dev.monitor.redInARow: '),
            expect.stringContaining('environments.dev.monitor.limits.slotSize: is not a size'),
            expect.stringContaining('environments.dev.monitor.limits.deadRows: '),
            expect.stringContaining('environments.dev.monitor.limits: '),
          ],
        }),
      }),
    );
    expect(() => parse('a day')).toThrow(/environments\.dev\.monitor: is not a duration/);
  });
});
