// Names that look like flags, SQL, shell or connection strings go through the whole process as what
// they are: names.

import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { quoteIdentifier, quoteLiteral } from '../src/postgres/address.ts';
import { connect } from '../src/postgres/connect.ts';
import { schemaDifference, schemaFacts } from '../src/postgres/fingerprint.ts';
import { type CommandProject, commandProject, drydockJson } from './command.ts';
import { serverAddress, type TestDatabase, testDatabase } from './database.ts';

const unique = randomBytes(3).toString('hex');
const databaseNames = [
  `postgresql://192.0.2.1/a/../b ${unique}`,
  `dbname=postgres host=192.0.2.1 ${unique}`,
  `--help "; $(touch PWNED) \`touch PWNED\` '\n100% \\ ü ${unique}`,
];
const names = [
  'it"s',
  "it's",
  '$(touch PWNED)',
  '`touch PWNED`; touch PWNED',
  'new\nline',
  '--help',
  '-- comment',
  '%I$1 \\1 {0}',
  '"; DROP TABLE safe; --',
  "'; DROP TABLE safe; --",
  '$$ $body$',
  'ünïcödé 💾',
  'SELECT',
  'a.b/../c',
  'x'.repeat(63),
];

let database: TestDatabase | undefined;
let project: CommandProject | undefined;

afterEach(async () => {
  await project?.[Symbol.asyncDispose]();
  await database?.drop();
});

/** A table with everything that has a name, in a schema of the same name. */
function hostileObjects(name: string): string {
  const { id, index, type, check, table } = identifiersOf(name);
  return `
    CREATE SCHEMA ${id};
    CREATE TYPE ${id}.${type} AS ENUM (${quoteLiteral(name)}, 'other');
    CREATE TABLE ${table} (
      ${id} int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      kind ${id}.${type} DEFAULT ${quoteLiteral(name)},
      words text DEFAULT ${quoteLiteral(name)} CONSTRAINT ${check} CHECK (words <> 'no ' || ${quoteLiteral(name)}));
    CREATE INDEX ${index} ON ${table} (words);
    INSERT INTO ${table} SELECT FROM generate_series(1, 3);`;
}

/** A change of it. */
function hostileChange(name: string): string {
  const { column, check, table } = identifiersOf(name);
  return `
    ALTER TABLE ${table} ADD COLUMN ${column} int;
    UPDATE ${table} SET ${column} = 1;
    ALTER TABLE ${table} DROP CONSTRAINT ${check};`;
}

function identifiersOf(
  name: string,
): Record<'id' | 'index' | 'type' | 'check' | 'column' | 'table', string> {
  const of = (prefix: string): string =>
    quoteIdentifier(`${prefix}${Array.from(name).slice(0, 61).join('')}`);
  const id = quoteIdentifier(name);
  return {
    id,
    index: of('i'),
    type: of('t'),
    check: of('k'),
    column: of('c'),
    table: `${id}.${id}`,
  };
}

describe('a database', () => {
  it.each(databaseNames)('%j goes from backup to salvage', async (name) => {
    database = await testDatabase({
      name,
      sql: `CREATE TABLE safe (); ${names.map(hostileObjects).join('')}`,
    });
    const { address } = database;
    project = await commandProject({
      databases: { dev: address.connectionString() },
      migrations: {
        '001_hostile.sql': `-- Hostile.\nBEGIN;\n${names.map(hostileChange).join('')}\nCOMMIT;\n`,
      },
    });
    const before = await factsOf(database);
    const drydock = async (...args: string[]): Promise<unknown> => {
      const document = await drydockJson(project as CommandProject, args);
      expect(document.failure, `${args.join(' ')}\n${document.stderr}`).toBeNull();
      return document.data;
    };
    await drydock('backup', 'dev');
    await drydock('prove', 'dev');
    expect(await drydock('rehearse', 'dev')).toMatchObject({ wayBack: { label: 'reversible' } });
    await drydock('apply', 'dev', '--yes');
    await using session = await connect(address, { purpose: 'test' });
    await session.execute(`INSERT INTO "SELECT"."SELECT" DEFAULT VALUES`);
    await session.close();
    await drydock('restore', 'dev', '--yes', '--confirm', name);
    const after = await factsOf(database);
    expect(schemaDifference(before, after)).toEqual([]);
    await drydock('salvage', 'dev');
    await drydock('status');
    await drydock('history', 'dev');
    expect(existsSync(join(project.folder, 'PWNED'))).toBe(false);
    await dropBroken(name);
  });
});

async function factsOf({ address }: TestDatabase): ReturnType<typeof schemaFacts> {
  await using session = await connect(address, { purpose: 'test' });
  return await schemaFacts(session);
}

async function dropBroken(name: string): Promise<void> {
  await using server = await connect(serverAddress(), { purpose: 'test' });
  const rows = await server.query<{ name: string }>(
    'SELECT datname AS name FROM pg_database WHERE starts_with(datname, $1) AND datname <> $1',
    [name],
  );
  for (const row of rows) await server.execute(`DROP DATABASE ${quoteIdentifier(row.name)}`);
}
