import { describe, expect, it } from 'vitest';
import type { LedgerRow } from '../history/ledger.ts';
import { checksumOf } from './checksum.ts';
import type { Migration } from './file.ts';
import { makePlan, planNames } from './plan.ts';
import { compareVersions } from './version.ts';

function migration(version: string, sql = `SELECT ${version}`): Migration {
  return {
    version,
    name: `${version}_test`,
    path: `migrations/${version}_test.sql`,
    sql,
    checksum: checksumOf(sql),
    steps: [],
    hasOwnTransaction: false,
  };
}

function row(of: Migration, state: LedgerRow['state'] = 'complete'): LedgerRow {
  return {
    version: of.version,
    name: of.name,
    checksum: of.checksum,
    plan: '',
    state,
    stepsDone: 1,
    stepsTotal: state === 'complete' ? 1 : 3,
    appliedAt: new Date(0),
    appliedBy: 'me',
    durationMs: 1,
    backup: null,
  };
}

const [first, second, third] = [migration('001'), migration('002'), migration('010')];
const all = [first, second, third];

describe('a plan', () => {
  it('holds what the ledger lacks, in order', () => {
    const plan = makePlan({ environment: 'dev', migrations: all, ledger: [row(first)] });
    expect(planNames(plan)).toEqual(['002_test', '010_test']);
  });

  it('ends with the file that was asked for', () => {
    const plan = makePlan({ environment: 'dev', migrations: all, ledger: [], upTo: '002' });
    expect(planNames(plan)).toEqual(['001_test', '002_test']);
  });

  it('has the same digest for the same content, whatever the environment', () => {
    const digest = (environment: string): string =>
      makePlan({ environment, migrations: all, ledger: [row(first)] }).digest;
    expect(digest('staging')).toBe(digest('production'));
  });

  it('has another digest when a file is edited', () => {
    const edited = [first, migration('002', 'SELECT 0'), third];
    const plan = (migrations: readonly Migration[]): string =>
      makePlan({ environment: 'dev', migrations, ledger: [] }).digest;
    expect(plan(edited)).not.toBe(plan(all));
  });

  it('goes on from the first step that is not in force', () => {
    const plan = makePlan({
      environment: 'dev',
      migrations: all,
      ledger: [row(first), row(second, 'partial')],
    });
    expect(plan.pending.map(({ migration: { version }, fromStep }) => [version, fromStep])).toEqual(
      [
        ['002', 1],
        ['010', 0],
      ],
    );
  });

  it('is refused when a file was edited after it was applied', () => {
    const ledger = [{ ...row(first), checksum: 'another' }];
    expect(() => makePlan({ environment: 'dev', migrations: all, ledger })).toThrow(
      expect.objectContaining({ code: 'migration/checksum-mismatch' }),
    );
  });

  it('is refused when a pending migration is older than one in force', () => {
    expect(() => makePlan({ environment: 'dev', migrations: all, ledger: [row(second)] })).toThrow(
      expect.objectContaining({
        code: 'migration/out-of-order',
        message: '001_test is pending in dev, where 002 is in force already',
      }),
    );
  });

  it('runs it all the same where the environment allows it, and names it', () => {
    const plan = makePlan({
      environment: 'dev',
      migrations: all,
      ledger: [row(second)],
      outOfOrder: 'warn',
    });
    expect(planNames(plan)).toEqual(['001_test', '010_test']);
    expect(plan.late).toEqual(['001_test']);
  });
});

describe('the order of versions', () => {
  it('goes by value, not by letters', () => {
    const versions = ['20251015120000', '010', '9', '0008'];
    expect(versions.toSorted(compareVersions)).toEqual(['0008', '9', '010', '20251015120000']);
  });
});
