import { afterAll, beforeAll, expect, it } from 'vitest';
import { testContext } from '../../test/database.ts';
import { Address } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';
import { createMissingRoles } from '../postgres/roles.ts';
import { dropKeptOnGiven, type GivenServer, startOnGiven } from './given-server.ts';
import { type SandboxServer, startServer } from './server.ts';

let own: SandboxServer;
let server: Address;

beforeAll(async () => {
  own = await startServer(testContext(), { purpose: 'given', tcp: true });
  server = own.address('postgres');
});

afterAll(() => own.stop());

function start(address = server, major = own.major): Promise<GivenServer> {
  return startOnGiven(testContext(), { server: address, major });
}

/** A copy as a rehearsal makes it, with a role of its own. */
async function makeCopy(role: string): Promise<{ given: GivenServer; name: string }> {
  const given = await start();
  const name = given.address('shop').database;
  await using database = await connect(server, { purpose: 'test' });
  await createMissingRoles(database, [{ name: role, superuser: false, owns: true }], given.mark);
  await database.execute(`CREATE DATABASE ${name} OWNER ${role}`);
  await database.execute(`COMMENT ON DATABASE ${name} IS '${given.mark}'`);
  await database.execute(`CREATE DATABASE ${name.replace('copy', 'as_it_was')}`);
  return { given, name };
}

/** What a command that is killed does to its sessions. */
async function kill(name: string): Promise<void> {
  await using database = await connect(server, { purpose: 'test' });
  await database.query(
    `SELECT pg_terminate_backend(pid, 10000) FROM pg_locks
      WHERE locktype = 'advisory' AND lpad(to_hex(objid::bigint), 8, '0') = right($1, 8)`,
    [name],
  );
}

async function left(): Promise<readonly string[]> {
  await using database = await connect(server, { purpose: 'test' });
  const rows = await database.query<{ name: string }>(
    `SELECT datname AS name FROM pg_database WHERE datname LIKE 'drydock%'
     UNION ALL SELECT rolname FROM pg_roles WHERE rolname LIKE 'owner%' ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

it('a copy goes with everything that was made for it', async () => {
  const { given, name } = await makeCopy('owner');
  expect(name).toMatch(/^drydock_copy_[0-9a-f]{8}$/);
  expect(given.address('postgres').database).toBe('postgres');
  expect(await left()).toHaveLength(3);
  await given.stop();
  await given.stop();
  expect(await left()).toEqual([]);
});

it('the next command drops the copy of one that was killed, and leaves that of a living one', async () => {
  const killed = await makeCopy('owner_killed');
  const living = await makeCopy('owner_living');
  await kill(killed.name);
  const next = await start();
  expect(await left()).toEqual([
    living.name.replace('copy', 'as_it_was'),
    living.name,
    // Somebody may be about to use it.
    'owner_killed',
    'owner_living',
  ]);
  await next.stop();
  await living.given.stop();
  expect(await left()).toEqual([]);
});

it('leaves a database without the mark alone', async () => {
  await using database = await connect(server, { purpose: 'test' });
  await database.execute('CREATE DATABASE drydock_copy_00000001');
  await (await start()).stop();
  expect(await left()).toEqual(['drydock_copy_00000001']);
  await database.execute('DROP DATABASE drydock_copy_00000001');
});

it('a copy that is kept stays for a day, or until it is dropped', async () => {
  const { given, name } = await makeCopy('owner');
  await given.keep();
  await (await start()).stop();
  expect(await left()).toContain(name);
  expect(await dropKeptOnGiven(server)).toBe(1);
  expect(await left()).toEqual([]);
  const old = await makeCopy('owner');
  await old.given.keep();
  await using database = await connect(server, { purpose: 'test' });
  const comment = `${old.given.mark}, kept until 2020-01-01 00:00:00+00`;
  await database.execute(`COMMENT ON DATABASE ${old.name} IS '${comment}'`);
  await (await start()).stop();
  expect(await left()).toEqual([]);
});

it('refuses a server that cannot take the data', async () => {
  await expect(start(server, 99)).rejects.toMatchObject({ code: 'sandbox/server-too-old' });
});

it('refuses a role that may not make what a copy needs', async () => {
  await using database = await connect(server, { purpose: 'test' });
  await database.execute("CREATE ROLE weak LOGIN CREATEDB PASSWORD 'x'");
  const url = new URL(server.connectionString());
  url.username = 'weak';
  url.password = 'x';
  await expect(start(Address.parse(url.href))).rejects.toMatchObject({
    code: 'sandbox/server-without-rights',
    hint: expect.stringContaining('ALTER ROLE weak CREATEDB CREATEROLE'),
  });
  await database.execute('DROP ROLE weak');
});
