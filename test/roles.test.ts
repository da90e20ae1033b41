// The SQL of docs/roles.md makes the roles, and as these roles the whole process runs: no superuser
// takes part after that.

import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Address, quoteIdentifier } from '../src/postgres/address.ts';
import { connect, type Database } from '../src/postgres/connect.ts';
import { type CommandProject, commandProject, drydockJson, lastEntry } from './command.ts';
import { onServer, serverAddress } from './database.ts';

const unique = randomBytes(3).toString('hex');
const shop = `shop_${unique}`;
let project: CommandProject;

/** The database, as one of the page's roles. */
function as(role: 'owner' | 'app', database = shop): Address {
  const url = new URL(serverAddress().withDatabase(database).connectionString());
  url.username = `${shop}_${role}`;
  url.password = role === 'owner' ? 'change-me' : 'change-me-too';
  return Address.parse(url.href);
}

beforeAll(async () => {
  const page = await readFile(fileURLToPath(new URL('../docs/roles.md', import.meta.url)), 'utf8');
  const blocks = [...page.matchAll(/```sql\n(.*?)```/gs)].map(([, sql = '']) =>
    sql.replaceAll(/\bshop/g, shop),
  );
  expect(blocks).toHaveLength(2);
  await using server = await connect(serverAddress(), { purpose: 'test' });
  // One by one: CREATE DATABASE cannot stand in a text of several statements.
  for (const statement of (blocks[0] ?? '').split(/;\n/)) {
    if (statement.trim() !== '') await server.execute(statement);
  }
  await using owner = await connect(as('owner'), { purpose: 'test' });
  await owner.execute(`CREATE TABLE users (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);
    INSERT INTO users (name) SELECT i::text FROM generate_series(1, 50) i`);
  await owner.execute(blocks[1] ?? '');
  project = await commandProject({
    databases: { dev: as('owner').connectionString() },
    migrations: {
      '001_notes.sql':
        '-- Notes.\nCREATE TABLE notes (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text);\n',
      '002_index.sql': '-- An index.\nCREATE INDEX CONCURRENTLY users_name ON users (name);\n',
    },
  });
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await using server = await connect(serverAddress(), { purpose: 'test' });
  const rows = await server.query<{ name: string }>(
    'SELECT datname AS name FROM pg_database WHERE starts_with(datname, $1)',
    [shop],
  );
  for (const { name } of rows) await drop(server, `DATABASE ${quoteIdentifier(name)} WITH (FORCE)`);
  for (const role of ['app', 'owner']) await drop(server, `ROLE ${shop}_${role}`);
});

async function drop(server: Database, what: string): Promise<void> {
  await server.execute(`DROP ${what}`);
}

async function drydock(...args: string[]): Promise<Record<string, unknown>> {
  const { failure, data, stderr } = await drydockJson(project, args);
  expect(failure, `${args.join(' ')}\n${stderr}`).toBeNull();
  return data;
}

it('the owner of the page does everything, and the application goes on', async () => {
  await drydock('backup', 'dev');
  await drydock('prove', 'dev');
  const rehearsal = await drydock('rehearse', 'dev');
  expect(rehearsal.outcome).toBe('done');
  await drydock('apply', 'dev');
  await drydock('preflight', 'dev');
  await drydock('freeze', 'dev', '--reason', 'a sale');
  await drydock('unfreeze', 'dev', '--reason', 'it is over');
  await drydock('adopt', 'dev', '--reason', 'as it is');
  await drydock('health', 'dev');
  {
    await using app = await connect(as('app'), { purpose: 'test' });
    await app.execute("INSERT INTO notes (text) VALUES ('the application may write')");
    await app.execute("INSERT INTO users (name) VALUES ('late')");
    // Connected while the names are swapped: its session is ended.
    const { broken } = await drydock('restore', 'dev', '--yes');
    await expect(app.query('SELECT 1')).rejects.toMatchObject({ code: /^postgres\// });
    await using again = await connect(as('app'), { purpose: 'test' });
    expect(await again.one('SELECT count(*)::int AS n FROM users')).toEqual({ n: 50 });
    await again.close();
    await drydock('salvage', 'dev');
    await drydock('drop-broken', 'dev', '--confirm', String(broken));
  }
  await rescuedBy('stream', 51);
  // Triggers need no right of replication, and the application none on what they write to.
  await onServer(`ALTER ROLE ${shop}_owner NOREPLICATION`);
  await rescuedBy('triggers', 52);
  expect(await lastEntry(as('owner'))).toMatchObject({ command: 'drop-broken', phase: 'done' });
  await drydock('recover', 'dev');
});

async function rescuedBy(capture: 'stream' | 'triggers', users: number): Promise<void> {
  const dev = { url: { env: 'DEV_DATABASE_URL' }, rescue: { capture } };
  await project.write('drydock.config.json', JSON.stringify({ environments: { dev } }));
  expect(await drydock('arm', 'dev')).toMatchObject({ capture });
  await using app = await connect(as('app'), { purpose: 'test' });
  await app.execute("INSERT INTO users (name) VALUES ('after the change')");
  const rescued = await drydock('rescue', 'dev', '--yes');
  await using again = await connect(as('app'), { purpose: 'test' });
  expect(await again.one('SELECT count(*)::int AS n FROM users')).toEqual({ n: users });
  await again.close();
  await drydock('drop-broken', 'dev', '--confirm', String(rescued.broken));
}

it('the application may change no schema, and Drydock as that role says what it lacks', async () => {
  const { failure } = await drydockJson(project, ['apply', 'dev'], {
    DEV_DATABASE_URL: as('app').connectionString(),
  });
  expect(failure?.state).toBe('Nothing was changed.');
  expect(failure?.message).toContain('permission denied');
  expect(failure?.hint).toContain('use the role that owns the object');
});
