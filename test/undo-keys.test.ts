// Undo where others give rows another key, between the migration and its way back: the rows that refer to
// them were away meanwhile, and the old rule would have taken them along.

import { expect, it } from 'vitest';
import { keptDatabase } from './kept-database.ts';

const schema = `
  CREATE TABLE parents (id int PRIMARY KEY, name text, size numeric(8, 3));
  CREATE TABLE children (
    id int PRIMARY KEY, body text,
    parent_id int REFERENCES parents ON UPDATE CASCADE ON DELETE CASCADE);
  INSERT INTO parents SELECT n, 'p' || n, n + 0.125 FROM generate_series(1, 20) n;
  INSERT INTO children SELECT n, 'c' || n, n FROM generate_series(1, 20) n`;

const away: Readonly<Record<string, string>> = {
  'that it deleted': 'DELETE FROM children;',
  'of a table that it emptied': 'TRUNCATE children;',
  'of a table that it dropped': 'DROP TABLE children;',
  'whose column it dropped': 'ALTER TABLE children DROP COLUMN parent_id;',
};

it.each(Object.entries(away))('takes rows along %s', async (_how, migration) => {
  await using one = await keptDatabase(schema);
  await one.apply(`BEGIN; ${migration} COMMIT;`);
  // One goes further, one is followed by another row with its key, and one is deleted.
  await one.run(`UPDATE parents SET id = 104 WHERE id = 4; UPDATE parents SET id = 204 WHERE id = 104;
    UPDATE parents SET id = 105 WHERE id = 5; DELETE FROM parents WHERE id = 6`);
  expect(await one.undo()).toEqual([]);
  expect(
    await one.run('SELECT id, parent_id FROM children WHERE id BETWEEN 3 AND 7 ORDER BY id'),
  ).toEqual([
    { id: 3, parent_id: 3 },
    { id: 4, parent_id: 204 },
    { id: 5, parent_id: 105 },
    { id: 7, parent_id: 7 },
  ]);
  expect(await one.run('SELECT count(*)::int AS children FROM children')).toEqual([
    { children: 19 },
  ]);
});

it('names a row that it gave to another parent, where the old one was deleted since', async () => {
  await using one = await keptDatabase(schema);
  await one.apply('UPDATE children SET parent_id = 1;');
  await one.run('UPDATE parents SET id = 104 WHERE id = 4; DELETE FROM parents WHERE id = 6');
  expect(await one.undo()).toMatchObject([
    {
      change: 'updated',
      key: { id: '6' },
      reason: expect.stringContaining('violates foreign key constraint'),
    },
  ]);
  expect(
    await one.run('SELECT id, parent_id FROM children WHERE id IN (4, 5, 6) ORDER BY id'),
  ).toEqual([
    { id: 4, parent_id: 104 },
    { id: 5, parent_id: 5 },
    { id: 6, parent_id: 1 },
  ]);
});

it('a value that a narrower type has cut comes back to a row that has got another key', async () => {
  await using one = await keptDatabase(schema);
  await one.apply('ALTER TABLE parents ALTER size TYPE int;');
  await one.run('UPDATE parents SET id = 104 WHERE id = 4');
  expect(await one.undo()).toEqual([]);
  expect(await one.run('SELECT size FROM parents WHERE id = 104')).toEqual([{ size: '4.125' }]);
});

it('a key whose changes are followed may get another type, in the same plan and in the next', async () => {
  await using one = await keptDatabase(schema);
  await one.apply(`BEGIN; UPDATE parents SET name = 'spoilt' WHERE id < 5;
    ALTER TABLE parents ALTER id TYPE bigint; COMMIT;`);
  await one.apply(`BEGIN; ALTER TABLE parents ALTER id TYPE numeric; COMMIT;`);
  await one.run('UPDATE parents SET id = 104 WHERE id = 4');
  await one.undo();
  await one.undo();
  expect(await one.run('SELECT id, name FROM parents WHERE id > 100')).toEqual([
    { id: 104, name: 'p4' },
  ]);
});
