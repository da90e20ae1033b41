// Backups by an environment's own commands, by the functions behind `--engine`.

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  serverAddress,
  type TestDatabase,
  testContext,
  testDatabase,
} from '../../test/database.ts';
import { parseConfig } from '../config/schema.ts';
import { readJournal } from '../history/journal.ts';
import { connect } from '../postgres/connect.ts';
import { clientFor } from '../postgres/programs.ts';
import { backUpByEngine, engineBackupsOf, proveEngineBackup } from './engines.ts';
import type { Project } from './project.ts';

let folder: string;
let live: TestDatabase;
let path: string | undefined;
const environment = 'dev';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'engines-'));
  path = process.env.PATH;
  process.env.PATH = `${(await clientFor(150_000)).folder}:${path}`;
  Object.assign(process.env, serverAddress().toolEnvironment());
});
afterAll(async () => {
  process.env.PATH = path;
  await rm(folder, { recursive: true });
});
beforeEach(async () => {
  live = await testDatabase({ sql: 'CREATE TABLE pupils AS SELECT 1 AS id' });
});
afterEach(() => live.drop());

/** A hosting company: a snapshot is a dump, a copy is a database made of it. */
function project(backups: object = { engine: { command: hosting() } }): Project {
  const url = live.address.connectionString();
  const config = parseConfig(
    { environments: { dev: { url, backups } } },
    { root: folder, file: undefined, variables: {} },
  );
  return { config, context: testContext(), actor: { who: 'ada', host: 'desk' } };
}

function hosting(): Record<'backup' | 'list' | 'copy' | 'drop', string> {
  const { database } = live.address;
  const server = serverAddress().toolArgument();
  const to = serverAddress().withDatabase(`${database}_copy`);
  const psql = `psql -qX -v ON_ERROR_STOP=1 -d '${server}'`;
  return {
    backup: `pg_dump -d '${live.address.toolArgument()}' -f ${database}.sql && echo '{"id":"${database}"}'`,
    list: `echo '[{"id":"${database}","takenAt":"2025-10-15T12:00:00Z"},{"id":"nightly","takenAt":"2025-10-14T12:00:00Z"}]'`,
    copy: `${psql} -c 'CREATE DATABASE ${database}_copy' && psql -qX -d '${to.toolArgument()}' -f $DRYDOCK_BACKUP.sql >&2 && echo '${to.connectionString()}'`,
    drop: `${psql} -c 'DROP DATABASE ${database}_copy'`,
  };
}

it('a backup by an engine is proven, listed with its proof, and in the journal', async () => {
  const { backup } = await backUpByEngine(project(), { environment, reason: 'before 008' });
  const proof = await proveEngineBackup(project(), { environment });
  expect(proof).toMatchObject({ outcome: 'done', backup: backup.id });
  const { engine, backups } = await engineBackupsOf(project(), environment);
  expect(engine).toBe('the dev commands');
  expect(backups.map(({ id, reason, proof: known }) => [id, reason, known])).toEqual([
    [backup.id, 'before 008', proof],
    ['nightly', null, null],
  ]);
  await using database = await connect(live.address, { purpose: 'test' });
  const journal = (await readJournal(database)).map(({ entry }) => entry);
  expect(journal.filter(({ phase }) => phase === 'done').map((entry) => entry.command)).toEqual(
    expect.arrayContaining(['backup', 'prove']),
  );
});

it('a copy without the rows fails the proof, which is told in the list too', async () => {
  const { backup } = await backUpByEngine(project(), { environment, reason: 'test' });
  const dump = join(folder, `${backup.id}.sql`);
  const text = await readFile(dump, 'utf8');
  await writeFile(dump, text.replace(/(COPY public\.pupils [^\n]*\n)1\n/, '$1'));
  await expect(proveEngineBackup(project(), { environment })).rejects.toMatchObject({
    code: 'proof/copy-differs',
    message: expect.stringContaining('table public.pupils has no rows, and had some'),
  });
  const [known] = (await engineBackupsOf(project(), environment)).backups;
  expect(known?.proof?.outcome).toBe('failed');
});

it('only backups that Drydock asked for can be compared', async () => {
  const proving = proveEngineBackup(project(), { environment, backup: 'nightly' });
  await expect(proving).rejects.toMatchObject({
    code: 'engine/no-figures',
    hint: expect.stringContaining('drydock backup dev --engine'),
  });
});

it('an edited record is none', async () => {
  const { backup } = await backUpByEngine(project(), { environment, reason: 'test' });
  const records = join(folder, 'backups', 'dev', 'engine');
  const name = (await readdir(records)).find((each) => each.startsWith(backup.id)) ?? '';
  const text = await readFile(join(records, name), 'utf8');
  await writeFile(join(records, name), text.replace('public.pupils', 'public.others'));
  await expect(engineBackupsOf(project(), environment)).rejects.toMatchObject({
    code: 'engine/record-damaged',
  });
  await rm(join(records, name));
});

it('an environment without an engine says where to name one', async () => {
  await expect(engineBackupsOf(project({}), environment)).rejects.toMatchObject({
    code: 'engine/not-configured',
    hint: expect.stringContaining('environments.dev.backups.engine'),
  });
  const both = { engine: { command: hosting(), pgbackrest: { stanza: 'main' } } };
  expect(() => project(both)).toThrow(/names either pgbackrest or command/);
});
