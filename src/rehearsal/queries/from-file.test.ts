import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';
import { statementsFromFile } from './from-file.ts';

async function fileOf(name: string, text: string): Promise<string> {
  const path = join(inject('runFolder'), name);
  await writeFile(path, text);
  return path;
}

it('statements that differ in their constants alone are one', async () => {
  const sql = 'SELECT * FROM a WHERE id = 1;\nSELECT * FROM a WHERE id = 2;\nSELEC 3;\nTABLE b;';
  const found = await statementsFromFile(await fileOf('statements.sql', sql));
  expect(found.map(({ text }) => text)).toEqual([
    'SELECT * FROM a WHERE id = 1',
    'TABLE b',
    'SELEC 3;\nTABLE b'.split(';')[0],
  ]);
});

it('the statements of a log are counted', async () => {
  const log = 'x LOG:  statement: SELECT 1\nx LOG:  statement: SELECT 2\n';
  const found = await statementsFromFile(await fileOf('server.log', log));
  expect(found).toEqual([
    { text: 'SELECT 1', from: 'log', role: null, searchPath: null, calls: 2 },
  ]);
});

it('a file that is not there is named', async () => {
  await expect(statementsFromFile('/nowhere/a.sql')).rejects.toMatchObject({
    code: 'rehearsal/no-queries-file',
  });
});
