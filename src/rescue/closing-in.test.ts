import { describe, expect, it } from 'vitest';
import { isWorthAnotherRound } from './closing-in.ts';

/** Rounds until it is enough, where each takes as long as `next` makes of the one before. */
function rounds(first: number, next: (ms: number, round: number) => number): readonly number[] {
  const taken = [first];
  while (isWorthAnotherRound(taken)) taken.push(next(taken.at(-1) ?? 0, taken.length));
  return taken;
}

describe('another round', () => {
  it('is begun where there was none', () => {
    expect(isWorthAnotherRound([])).toBe(true);
  });

  it('is not needed where the last one was a matter of a moment', () => {
    expect(rounds(999, () => 0)).toEqual([999]);
  });

  it('comes as long as they become shorter', () => {
    expect(rounds(64_000, (ms) => ms / 2)).toEqual([
      64_000, 32_000, 16_000, 8_000, 4_000, 2_000, 1_000, 500,
    ]);
  });

  it('is waited for where one alone took longer', () => {
    const taken = [8_000, 4_000, 9_000, 2_900, 900];
    expect(rounds(8_000, (_, round) => taken[round] ?? 0)).toEqual(taken);
  });

  it('is vain where writes come as fast as they are played', () => {
    expect(rounds(2_000, (ms) => ms)).toHaveLength(3);
  });

  it('is vain where writes come faster', () => {
    expect(rounds(2_000, (ms) => ms * 1.5)).toHaveLength(3);
  });
});
