import { describe, expect, it } from 'vitest';
import type { JournalEntry, JournalRow } from '../history/journal.ts';
import { previousRelease } from './previous.ts';

function entry(
  command: string,
  phase: JournalEntry['phase'],
  details?: Record<string, unknown>,
): JournalRow {
  const head = { run: 'r', at: '', who: 'ana', host: 'h', command, phase };
  return { seq: 0, hash: '', entry: details === undefined ? head : { ...head, details } };
}

const deploy = (release: string, healthy = true): JournalRow =>
  entry('deploy', 'done', { release, healthy });

describe('the release to go back to', () => {
  it('is the healthy one before the one in force', () => {
    expect(previousRelease([deploy('c'), deploy('b'), deploy('a')])).toBe('b');
  });

  it('is never one that was ill', () => {
    expect(previousRelease([deploy('c', false), deploy('b', false), deploy('a')])).toBe('a');
  });

  it('is another commit than the one in force, however often that was deployed', () => {
    expect(previousRelease([deploy('b'), deploy('b'), deploy('a')])).toBe('a');
  });

  it.each(['failed', 'begun'] as const)(
    'is the last one that was done while a newer deploy is %s',
    (phase) => {
      const half = entry('deploy', phase);
      expect(previousRelease([half, deploy('b'), deploy('a')])).toBe('b');
      const back = entry('rollback', 'done', { release: 'b', healthy: true });
      expect(previousRelease([back, half, deploy('b'), deploy('a')])).toBe('a');
    },
  );

  it('is counted from a rollback as from a deploy', () => {
    const back = entry('rollback', 'done', { release: 'a', healthy: true });
    expect(previousRelease([back, deploy('b', false), deploy('a')])).toBeUndefined();
  });

  it('is none that a rollback has left, however healthy it once was', () => {
    const back = entry('rollback', 'done', { release: 'b', healthy: true });
    expect(previousRelease([back, deploy('c'), deploy('b'), deploy('a')])).toBe('a');
    expect(previousRelease([deploy('d'), back, deploy('c'), deploy('b'), deploy('a')])).toBe('b');
  });

  it('is none in an empty journal', () => {
    expect(previousRelease([])).toBeUndefined();
  });
});
