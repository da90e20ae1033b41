// docs/runbook.md says for every line of the runbook which test shows it. This holds the page to the runbook,
// and to tests that are there, so that it cannot rot.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { isTestOf, proofsIn } from './page-proofs.ts';

const page = readFileSync('docs/runbook.md', 'utf8');
const rows = page.split('\n').filter((line) => line.startsWith('| '));

const lines: Readonly<Record<string, readonly string[]>> = {
  'the checklist': [
    'Tested locally',
    'Tested in staging for 24+ hours',
    'No DROP/TRUNCATE/DELETE commands',
    'Uses IF EXISTS / IF NOT EXISTS',
    'Has BEGIN/COMMIT transaction',
    'Scheduled during low-traffic time (2-4am)',
    'Team notified',
    'Monitoring ready',
    'Rollback plan prepared',
  ],
  'the tips': [
    'Schedule during low traffic',
    'Keep backups for 30 days',
    'Test rollback procedure in staging',
    'Monitor after migration for 24 hours',
    'Document each migration with comments',
    'Use transactions',
    'Make changes backwards-compatible',
  ],
  'the scenarios': [
    'Adding a Column',
    'Removing a Column (Safe Way)',
    'Changing Data Type',
    'Adding NOT NULL',
  ],
  'the scripts': [
    '`backup-database.sh`',
    '`restore-database.sh`',
    '`apply-migration-staging.sh`',
    '`apply-migration-production.sh`',
    '`deploy-staging.sh`',
    '`deploy-production.sh`',
    '`pre-deploy-check.sh`',
  ],
  'the emergency page': [
    '`ls -lt backups/production/`',
    '`./restore-database.sh production FILE`',
    '`curl …/api/health/detailed`',
    '`git revert HEAD && ./deploy-production.sh`',
    "STOP - Don't panic!",
    '`./pre-deploy-check.sh production`',
    '`./restore-database.sh production [backup_file]`',
    'Debug offline, plan retry',
  ],
};

it.each(Object.keys(lines))('%s has a row for each line, with a test that shows it', (part) => {
  for (const line of lines[part] ?? []) {
    const found = rows.filter((row) => row.startsWith(`| ${line}`));
    expect(found.length, line).toBeGreaterThan(0);
    expect(
      found.some((row) => proofsIn(row).length > 0),
      line,
    ).toBe(true);
  }
});

it('every test that the page names is there', () => {
  const proofs = proofsIn(page);
  expect(proofs.length).toBeGreaterThan(50);
  const gone = proofs.filter(({ name, file }) => !isTestOf(name, readFileSync(join(file), 'utf8')));
  expect(gone).toEqual([]);
});

it('a test that is not there would be noticed', () => {
  const source =
    "it.each(cases)('%s closes when %s', …); ['soaked', 'it is early'], it('is well', …)";
  expect(isTestOf('is well', source)).toBe(true);
  expect(isTestOf('soaked closes when it is early', source)).toBe(true);
  expect(isTestOf('soaked closes when it is late', source)).toBe(false);
  expect(isTestOf('is ill', source)).toBe(false);
});
