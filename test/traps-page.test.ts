// docs/rescue-traps.md says of every trap, limit and promise of rescue and undo which test shows it. This holds
// the page to the list, and to tests that are there.

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { isTestOf, proofsIn } from './page-proofs.ts';

const page = readFileSync('docs/rescue-traps.md', 'utf8');
const rows = page.split('\n').filter((line) => line.startsWith('| '));

const traps = [
  'settings of the database change how values are printed',
  'a buffer of the protocol is used again',
  'a whole row carries along what the migration left in it',
  'a large value that did not change is not sent',
  'a row moves to another partition',
  'TRUNCATE',
  "the tool's own tables are in the stream",
  'the order of a sequence is not the order of commits',
  'what is changed for a while is written down before',
  'the migration meets deadlocks',
  'writers are faster than whoever follows',
  'all that was written before the fence has come',
  'kill -9 between the fence and the swap',
  'kill -9 at any other moment',
  'a write that changes nothing',
  'a value that was computed from a spoilt one',
  'a value of a new column',
  'a value that the old type refuses',
  'a new label of an enum',
  'NULL where the old column has none',
  'a key that the migration had freed',
  'a child of a row that the migration made',
  'a change of a row that the migration made',
  'a row of a new table',
  'sequences',
  'large objects',
  'unlogged tables',
  'prepared transactions',
  'the server gives up the log',
  'readers of other slots',
  'foreign keys and cascades',
  'G1: every acknowledged write is there, or in the file and counted',
  'G2: no value of the migration survives',
  'G3: no swap over a difference that nothing explains',
  'G4: one transaction swaps, and until then nothing is touched',
  'G5: nothing is dropped by itself',
  'others give a parent another key',
  'others give a row with a narrower type another key',
  'a key that is followed gets another type',
  'a parent is gone, and the child has another one',
  'triggers of the application change the same rows',
  'such a trigger changes a key',
  'what others write while a type is compared',
  'a plan that cannot be kept',
  'kill -9 during an undo',
  'a rehearsal of the schema alone meets what is kept',
  'the migration itself moves rows to another partition',
  'a unique rule for which NULL is a value',
];

it.each(traps)('%s has a row with a test that shows it', (trap) => {
  const found = rows.filter((row) => row.startsWith(`| ${trap} |`));
  expect(found).toHaveLength(1);
  expect(proofsIn(found.join())).not.toEqual([]);
});

it('every test that the page names is there', () => {
  const gone = proofsIn(page).filter(
    ({ name, file }) => !isTestOf(name, readFileSync(file, 'utf8')),
  );
  expect(gone).toEqual([]);
});
