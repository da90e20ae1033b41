// Another version of a collation: a dump that is loaded has its indexes built anew and is restored with a
// note; files that are copied keep the order of the old version, and the copy is refused.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { backUpOptions } from '../../test/backups.ts';
import { onServer, testContext, testDatabase } from '../../test/database.ts';
import { backUp } from '../backup/back-up.ts';
import { proveCopy, readEngineFigures } from '../backup/engine/prove-copy.ts';
import { quoteIdentifier } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';
import { restoreBeside } from './restore-beside.ts';

const sql = `
  CREATE COLLATION "Sorted" (provider = icu, locale = 'de');
  CREATE TABLE names (name text COLLATE "Sorted" PRIMARY KEY); INSERT INTO names VALUES ('ö'), ('z')`;

it('a dump from another version of a collation is restored, and that is said', async () => {
  await using live = await testDatabase({ sql });
  const backups = await mkdtemp(join(tmpdir(), 'collations-'));
  const taken = await backUp(testContext(), backUpOptions(live.address, backups));
  const { source } = taken.manifest;
  const name = 'public."Sorted"';
  expect(source.collations).toEqual({
    [name]: { recorded: expect.any(String), actual: source.collations?.[name]?.recorded },
  });
  const collations = { [name]: { recorded: '1.1', actual: '1.1' } };
  const backup = { ...taken, manifest: { ...taken.manifest, source: { ...source, collations } } };
  const context = testContext();
  const beside = `${live.address.database}_beside`;
  const where = { environment: 'production', live: live.address, name: beside };
  await restoreBeside(context, { ...where, backup });
  expect(context.events).toContainEqual({
    kind: 'note',
    text: expect.stringMatching(
      /^In the restored database collation public."Sorted" sorts text by version \S+ here, and did by 1.1 in the original/,
    ),
  });
  const same = testContext();
  await onServer(`DROP DATABASE ${quoteIdentifier(beside)}`);
  await restoreBeside(same, { ...where, backup: taken });
  expect(same.events.filter(({ kind }) => kind === 'note')).toEqual([]);
  await onServer(`DROP DATABASE ${quoteIdentifier(beside)}`);
  await rm(backups, { recursive: true });
});

it('a copy of files that another version has sorted fails its proof, unless the original is the same', async () => {
  await using live = await testDatabase({ sql });
  await using copy = await testDatabase({ sql });
  const figuresOf = async (): Promise<Awaited<ReturnType<typeof readEngineFigures>>> => {
    await using database = await connect(live.address, { purpose: 'test' });
    return await readEngineFigures(database);
  };
  const backup = { id: 'one', takenAt: new Date().toISOString(), sizeBytes: null };
  const prove = (figures: Awaited<ReturnType<typeof readEngineFigures>>) =>
    proveCopy(testContext(), {
      engine: {
        label: 'files',
        backUp: async () => backup,
        list: async () => [backup],
        startCopy: async () => ({ address: copy.address, stop: async () => {} }),
      },
      backup,
      figures,
    });
  const figures = await figuresOf();
  expect((await prove(figures)).differences).toEqual([]);

  // As the files would come from a machine with an older library.
  const older = `UPDATE pg_collation SET collversion = '1.1' WHERE collname = 'Sorted'`;
  await using inCopy = await connect(copy.address, { purpose: 'test' });
  await inCopy.execute(older);
  const name = 'public."Sorted"';
  const elsewhere = { ...figures, collations: { [name]: { recorded: '1.1', actual: '1.1' } } };
  expect(await prove(elsewhere)).toMatchObject({
    outcome: 'failed',
    differences: [
      expect.stringMatching(
        /^collation public."Sorted" has version \S+ on the machine of the copy and 1.1 in its files/,
      ),
    ],
  });
  await using inLive = await connect(live.address, { purpose: 'test' });
  await inLive.execute(older);
  expect((await prove(await figuresOf())).differences).toEqual([]);
});

it('the version of the database itself is among them', async () => {
  await using live = await testDatabase();
  const name = quoteIdentifier(`${live.address.database}_icu`);
  await onServer(
    `CREATE DATABASE ${name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de' LC_COLLATE 'C' LC_CTYPE 'C'`,
  );
  {
    const address = live.address.withDatabase(`${live.address.database}_icu`);
    await using database = await connect(address, { purpose: 'test' });
    const { collations } = await readEngineFigures(database);
    expect(Object.keys(collations ?? {})).toEqual(['default']);
  }
  await onServer(`DROP DATABASE ${name}`);
});
