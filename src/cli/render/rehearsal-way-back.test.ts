import { expect, it } from 'vitest';
import type { WayBack } from '../../rehearsal/way-back/report.ts';
import { wayBackLines } from './rehearsal-way-back.ts';

const tried = {
  by: 'drydock',
  sql: null,
  ms: 12,
  losses: [],
  reasons: [],
  discards: [],
  compared: { tables: 2, hashedTables: 2, rows: 10 },
} as const;

it('a way back tells how long it took, unless it is none', () => {
  const line = (label: WayBack['label']): string | undefined =>
    wayBackLines({ ...tried, label } as unknown as WayBack)[0];
  expect(line('reversible')).toMatch(/^Way back: reversible, in 12 ms; compared/);
  expect(line('irreversible')).toMatch(/^Way back: irreversible; compared/);
});
