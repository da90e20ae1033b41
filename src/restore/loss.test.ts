import { expect, it } from 'vitest';
import type { Activity, TableActivity } from '../postgres/activity.ts';
import { lossBetween } from './loss.ts';

const counts = (inserted: number, updated = 0, deleted = 0): TableActivity => ({
  inserted,
  updated,
  deleted,
});
const reading = (tables: Activity['tables'], countedSince: string | null = null): Activity => ({
  countedSince,
  tables,
});
const since = '2025-10-15T12:00:00.000Z';

it('writes since the backup are counted, the busiest table first, idle ones left out', () => {
  const then = reading({ users: counts(10, 5), idle: counts(3) });
  const now = reading({ users: counts(11, 5), idle: counts(3), fresh: counts(0, 1, 2) });
  expect(lossBetween(then, now, since)).toEqual({
    since,
    tables: [
      { table: 'fresh', inserted: 0, updated: 1, deleted: 2 },
      { table: 'users', inserted: 1, updated: 0, deleted: 0 },
    ],
    inserted: 1,
    updated: 1,
    deleted: 2,
    doubt: null,
  });
});

it('counters that began anew are said to be doubtful', () => {
  const then = reading({ users: counts(10) }, '2025-10-01');
  expect(lossBetween(then, reading({ users: counts(12) }, '2025-10-15'), since)).toMatchObject({
    inserted: 12,
    doubt: expect.stringContaining('began anew'),
  });
  const crashed = reading({ users: counts(4) }, '2025-10-01');
  expect(lossBetween(then, crashed, since)).toMatchObject({
    inserted: 4,
    doubt: expect.stringContaining('began anew'),
  });
});

it('a table that is gone takes its counters with it, and that is said', () => {
  const then = reading({ users: counts(10), sessions: counts(9) });
  expect(lossBetween(then, reading({ users: counts(10) }), since)).toMatchObject({
    tables: [],
    doubt: expect.stringContaining('sessions'),
  });
});
