import { describe, expect, it } from 'vitest';
import { ledgerRow } from '../../test/promotion.ts';
import type { JournalEntry, JournalRow } from '../history/journal.ts';
import type { LedgerRow } from '../history/ledger.ts';
import { fitOf } from './fit.ts';

function row(command: string, more: Partial<JournalEntry>): JournalRow {
  const head = { run: 'r', at: '', who: 'ana', host: 'h', phase: 'done' as const };
  return { seq: 1, hash: '', entry: { ...head, command, ...more } };
}

const inForce = (name: string, plan = 'p'): LedgerRow =>
  ledgerRow({ name, version: name.slice(0, 3), plan });
const ledger = [inForce('001_a'), inForce('002_b', 'second')];

describe('a release and a database', () => {
  it('fit when they have the same migrations', () => {
    expect(fitOf({ migrations: ['001_a', '002_b'], ledger, journal: [] })).toEqual({
      missing: [],
      takenBack: [],
      ahead: [],
      problems: [],
      untried: [],
    });
  });

  it('do not fit when a migration of the release is not, or not wholly, in force', () => {
    const migrations = ['001_a', '002_b', '003_c'];
    expect(fitOf({ migrations, ledger, journal: [] })?.missing).toEqual(['003_c']);
    const partial = [...ledger, { ...inForce('003_c'), state: 'partial' as const }];
    expect(fitOf({ migrations, ledger: partial, journal: [] })?.missing).toEqual(['003_c']);
  });

  it('tell a migration that a restore has taken back from one that is still to come', () => {
    const journal = [row('restore', {}), row('apply', { details: { migrations: ['003_c'] } })];
    expect(fitOf({ migrations: ['001_a', '002_b', '003_c'], ledger, journal })).toMatchObject({
      missing: [],
      takenBack: ['003_c'],
    });
  });

  it('fit the other way as far as the rehearsal of what came later saw the queries work', () => {
    const migrations = ['001_a'];
    const rehearsed = (details: Record<string, unknown>): readonly JournalRow[] => [
      row('rehearse', { plan: 'second', details }),
    ];
    const fits = (journal: readonly JournalRow[]) => fitOf({ migrations, ledger, journal });
    expect(fits([])).toMatchObject({ ahead: ['002_b'], untried: ['002_b'], problems: [] });
    expect(fits(rehearsed({ checked: 0, problems: [] }))).toMatchObject({ untried: ['002_b'] });
    expect(fits(rehearsed({ checked: 3, problems: [] }))).toMatchObject({
      untried: [],
      problems: [],
    });
    expect(fits(rehearsed({ checked: 3, problems: ['no column b'] }))).toMatchObject({
      untried: [],
      problems: ['no column b'],
    });
  });

  it('are not compared where Drydock has applied nothing', () => {
    expect(fitOf({ migrations: ['001_a'], ledger: [], journal: [] })).toBeUndefined();
    expect(fitOf({ migrations: [], ledger, journal: [] })).toBeUndefined();
  });
});
