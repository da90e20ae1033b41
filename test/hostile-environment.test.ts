// Variables that other programs obey do not bend what Drydock does: each result is that of a quiet
// environment.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect } from '../src/postgres/connect.ts';
import { type CommandProject, commandProject, drydockJson } from './command.ts';
import { type TestDatabase, testDatabase } from './database.ts';

const hostile = {
  PGHOST: '192.0.2.1',
  PGHOSTADDR: '192.0.2.1',
  PGPORT: '1',
  PGDATABASE: 'elsewhere',
  PGUSER: 'nobody',
  PGPASSWORD: 'wrong',
  PGSERVICE: 'nowhere',
  PGTARGETSESSIONATTRS: 'read-only',
  PGOPTIONS: '-c extra_float_digits=-5 -c bytea_output=escape -c row_security=off',
  PGDATESTYLE: 'German',
  PGTZ: 'Pacific/Chatham',
  PGCLIENTENCODING: 'LATIN1',
  PGAPPNAME: 'somebody else',
  PSQLRC: '/nonexistent',
  TZ: 'Pacific/Chatham',
  LC_ALL: 'de_DE.UTF-8',
  LANGUAGE: 'de',
  COLUMNS: '1',
  HOME: '/nonexistent',
};

let database: TestDatabase;
let project: CommandProject;

beforeAll(async () => {
  database = await testDatabase({
    sql: `CREATE TABLE facts (id int PRIMARY KEY, at timestamptz, f float8, b bytea, t text);
          INSERT INTO facts VALUES (1, '2026-11-26 10:00Z', 0.1 + 0.2, '\\x00ff', 'ünï 💾'), (2, NULL, 1e-300, '', NULL)`,
  });
  project = await commandProject({
    databases: { dev: database.address.connectionString() },
    migrations: {
      '001_a.sql':
        "-- A note for each fact.\nALTER TABLE facts ADD COLUMN note text;\nUPDATE facts SET note = 'ä' WHERE id = 1;\n",
    },
  });
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await database.drop();
});

/** A command in the hostile environment, as it must be: done. */
async function drydock(...args: string[]): Promise<unknown> {
  const { failure, data, stderr } = await drydockJson(project, args, hostile);
  expect(failure, `${args.join(' ')}\n${stderr}`).toBeNull();
  return data;
}

it('the hostile environment gets the proof, the change and the restore of a quiet one', async () => {
  await drydockJson(project, ['backup', 'dev']);
  // The contents were counted and hashed in the quiet environment.
  await drydock('prove', 'dev');
  await drydock('backup', 'dev');
  await drydock('prove', 'dev');
  await drydock('rehearse', 'dev');
  await drydock('apply', 'dev', '--yes');
  await drydock('status');
  await using session = await connect(database.address, { purpose: 'test' });
  expect(await session.query('SELECT note FROM facts ORDER BY id')).toEqual([
    { note: 'ä' },
    { note: null },
  ]);
  await session.close();
  const { broken } = (await drydock('restore', 'dev', '--yes')) as { broken: string };
  await drydock('salvage', 'dev');
  await drydock('drop-broken', 'dev', '--confirm', broken);
});
