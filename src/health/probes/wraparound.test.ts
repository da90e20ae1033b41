import { expect, it } from 'vitest';
import { serverAddress } from '../../../test/database.ts';
import { limitsWith, seenBy } from '../../../test/probe.ts';
import { wraparound } from './wraparound.ts';

it('measures the way to wraparound in the oldest database of the server', async () => {
  const seen = await seenBy(serverAddress(), wraparound);
  expect(seen.used).toBeGreaterThan(0);
  expect(wraparound.over(seen, limitsWith())).toEqual([]);
  expect(wraparound.over(seen, limitsWith({ wraparound: 0 }))).toHaveLength(1);
  expect(wraparound.describe({ database: 'shop', used: 0.55 })).toBe('55% of the way');
});
