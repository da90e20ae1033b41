import { describe, expect, it } from 'vitest';
import { clockNote } from './server-clock.ts';

const server = new Date('2026-01-15T08:00:00Z');
const minuteMs = 60_000;

function noteAt(aheadMs: number): string | undefined {
  return clockNote({ server, machine: new Date(server.getTime() + aheadMs) }, 'production');
}

describe('a note about the clocks of machine and server', () => {
  it.each([0, minuteMs, -minuteMs])('is not made at a difference of %s ms', (aheadMs) => {
    expect(noteAt(aheadMs)).toBeUndefined();
  });

  it('says by how much and which way they differ, and whose counts', () => {
    expect(noteAt(20 * 60 * minuteMs)).toBe(
      "The clock of this machine is 20 h ahead of that of the server of production: gates, waits and samples go by the server's",
    );
    expect(noteAt(-2 * minuteMs)).toContain('2 min behind that of the server');
  });
});
