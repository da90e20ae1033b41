import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { backUpOptions } from '../../test/backups.ts';
import { onServer, type TestDatabase, testContext, testDatabase } from '../../test/database.ts';
import { backUp } from '../backup/back-up.ts';
import { type Backup, writeManifest } from '../backup/manifest.ts';
import { Address } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';
import { compareContents, readContents } from '../postgres/contents.ts';
import { type RestoreElsewhereReport, restoreElsewhere } from './restore-elsewhere.ts';

let source: TestDatabase;
let target: TestDatabase;
let backups: string;
let backup: Backup;
let into: Address;
const role = 'tenant_of_a_provider';

beforeAll(async () => {
  source = await testDatabase({
    sql: `CREATE EXTENSION pg_trgm; CREATE SCHEMA s; CREATE TABLE s.t AS SELECT generate_series(1, 9) AS n;
          SELECT lo_from_bytea(0, 'large')`,
  });
  backups = await mkdtemp(join(tmpdir(), 'elsewhere-'));
  await onServer(`CREATE ROLE ${role} LOGIN PASSWORD 'tenant-secret'`);
  await onServer(`ALTER DATABASE ${source.address.database} OWNER TO ${role}`);
  const url = new URL(source.address.connectionString());
  url.username = role;
  url.password = 'tenant-secret';
  await onSource(`ALTER SCHEMA s OWNER TO ${role}; ALTER TABLE s.t OWNER TO ${role}`);
  await onSource(
    `DO $$ BEGIN EXECUTE (SELECT format('ALTER LARGE OBJECT %s OWNER TO ${role}', oid) FROM pg_largeobject_metadata); END $$`,
  );
  backup = await backUp(testContext(), backUpOptions(Address.parse(url.href), backups));
  // As a provider makes one: a database of the tenant's, who may create none.
  target = await testDatabase();
  await onServer(`ALTER DATABASE ${target.address.database} OWNER TO ${role}`);
  into = Address.parse(url.href).withDatabase(target.address.database);
});
afterAll(async () => {
  await source.drop();
  await target.drop();
  await onServer(`DROP ROLE ${role}`);
  await rm(backups, { recursive: true, force: true });
});

async function onSource(sql: string): Promise<void> {
  await using database = await connect(source.address, { purpose: 'test' });
  await database.execute(sql);
}

function restoring(from: Backup): Promise<RestoreElsewhereReport> {
  return restoreElsewhere(testContext(), { environment: 'production', backup: from, into });
}

it('a role that may create nothing on the server restores into an empty database, and into no other', async () => {
  await using database = await connect(into, { purpose: 'test' });
  const { contents } = backup.manifest;
  const objects = (): Promise<object[]> =>
    database.query(`SELECT nspname FROM pg_namespace WHERE nspname IN ('s', 'mine')`);

  const roles = [{ name: 'pg_monitor', superuser: false, owns: true }];
  const foreign = {
    ...backup,
    manifest: { ...backup.manifest, source: { ...backup.manifest.source, roles } },
  };
  await expect(restoring(foreign)).rejects.toMatchObject({ code: 'restore/no-right' });
  expect(await objects()).toEqual([]);

  expect(await restoring(backup)).toMatchObject({
    outcome: 'done',
    into: into.label,
    unfilled: [],
  });
  const found = await readContents(database, { like: contents.hashes });
  expect(compareContents(contents, found)).toEqual([]);

  await expect(restoring(backup)).rejects.toMatchObject({
    code: 'restore/not-empty',
    message: `${into.label} has something in it already`,
  });
});

it('what differs is said', async () => {
  await using other = await testDatabase();
  const tables = { ...backup.manifest.contents.tables, 's.t': 10 };
  const manifest = { ...backup.manifest, contents: { ...backup.manifest.contents, tables } };
  await writeManifest(backup.file, manifest);
  const edited = { ...backup, manifest };
  const options = { environment: 'production', backup: edited, into: other.address };
  await expect(restoreElsewhere(testContext(), options)).rejects.toMatchObject({
    code: 'restore/differs',
    message: expect.stringContaining('table s.t has 9 rows instead of 10 rows'),
  });
});
