import { expect, it } from 'vitest';
import { keptSamplesMs } from './keep-samples.ts';

const dayMs = 24 * 3_600_000;

it.each([
  ['thirty days', 1, 1, 30],
  ['twice the longest soak of what comes after', 20, 1, 40],
  ['twice the time of a monitoring', 1, 45, 90],
])('samples are kept for %s', (_what, soakDays, forDays, days) => {
  const environments = [
    { after: 'staging', soakMs: soakDays * dayMs },
    { after: 'production', soakMs: 365 * dayMs },
  ];
  const kept = keptSamplesMs('staging', environments, forDays * dayMs);
  expect(kept).toBe(days * dayMs);
});
