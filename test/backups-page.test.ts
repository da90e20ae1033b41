// docs/backup-tests.md says of everything that can go wrong with a backup which test lets it happen. This
// holds the page to the list, and to tests that are there.

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { isTestOf, proofsIn } from './page-proofs.ts';

const page = readFileSync('docs/backup-tests.md', 'utf8');
const rows = page.split('\n').filter((line) => line.startsWith('| '));

const failures = [
  'kill -9 during a backup',
  'kill -9 during the swap',
  'kill -9 during a proof',
  'the disk is full',
  'a bit is flipped',
  'a file is cut short',
  'a file is missing',
  'a file too many',
  'the wrong key',
  'an edited manifest',
  'pg_dump is older than the server',
  'pg_dump is newer than the server',
  'the server ends in the middle',
  'a lock is held',
  'row security',
  'a function relies on search_path',
  'large objects',
  'unlogged tables',
  'a circle of foreign keys',
  'a materialised view on another',
  'a view that cannot be filled',
  'identity and generated columns',
  'partitions',
  'domains and enums',
  'quoted names',
  'several schemas',
  'event triggers',
  'no rows at all',
  'ten thousand tables',
  'no superuser',
  'one session alone',
  'a read-only file system',
  'a clock that is wrong',
  'two backups at once',
  'a folder behind a link',
  'spaces in the path',
  'Ctrl-C',
  'Ctrl-C twice',
  'another version of a collation',
  'everything at once',
];

it.each(failures)('%s has a row with a test that shows it', (failure) => {
  const found = rows.filter((row) => row.startsWith(`| ${failure} |`));
  expect(found).toHaveLength(1);
  expect(proofsIn(found.join())).not.toEqual([]);
});

it('every test that the page names is there', () => {
  const gone = proofsIn(page).filter(
    ({ name, file }) => !isTestOf(name, readFileSync(file, 'utf8')),
  );
  expect(gone).toEqual([]);
});
