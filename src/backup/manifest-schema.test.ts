import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import * as z from 'zod';
import { backUpOptions } from '../../test/backups.ts';
import { testContext, testDatabase } from '../../test/database.ts';
import richDatabase from '../../test/rich-database.sql';
import { startServer } from '../sandbox/server.ts';
import { backUp } from './back-up.ts';
import { manifestFileSchema } from './manifest-schema.ts';
import { prove } from './prove.ts';

it('the published schema is the one that manifests are held against', async () => {
  const published = await readFile('docs/backup-manifest.schema.json', 'utf8');
  expect(JSON.parse(published), 'node script/manifest-schema.mjs writes it').toEqual(
    z.toJSONSchema(manifestFileSchema),
  );
});

it('a manifest with its proof has the published shape', async () => {
  const context = testContext();
  const backups = await mkdtemp(join(tmpdir(), 'schema-'));
  await using rich = await testDatabase({ sql: richDatabase });
  const backup = await backUp(
    context,
    backUpOptions(rich.address, backups, { plan: 'abc', ledger: ['007'] }),
  );
  const { server } = await prove(context, {
    backup,
    startServer: (wanted) => startServer(context, wanted),
  });
  await server.stop();
  const text = await readFile(`${backup.file}.manifest.json`, 'utf8');
  expect(manifestFileSchema.safeParse(JSON.parse(text)).error?.issues ?? []).toEqual([]);
  await rm(backups, { recursive: true });
});
