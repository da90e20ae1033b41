import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { testContext } from '../../test/database.ts';
import { Address } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';
import { createDatabase, dropDatabase } from './copy.ts';
import { startServer } from './server.ts';

const purpose = 'test';

async function canConnect(address: Address): Promise<boolean> {
  try {
    await using _database = await connect(address, { purpose });
    return true;
  } catch {
    return false;
  }
}

describe('a throw-away server', () => {
  it('takes connections when it is handed over, and is gone with its folder when stopped', async () => {
    const server = await startServer(testContext(), { purpose });
    expect(await canConnect(server.address('postgres'))).toBe(true);
    expect(existsSync(server.folder)).toBe(true);
    await server.stop();
    expect(await canConnect(server.address('postgres'))).toBe(false);
    expect(existsSync(server.folder)).toBe(false);
  });

  it('may be stopped twice', async () => {
    const server = await startServer(testContext(), { purpose });
    await Promise.all([server.stop(), server.stop()]);
    await server.stop();
  });

  it('lets nobody else into its folder and listens on no port', async () => {
    await using server = await startServer(testContext(), { purpose });
    expect((await stat(server.folder)).mode & 0o077).toBe(0);
    await using database = await connect(server.address('postgres'), { purpose });
    expect(await database.one('SHOW listen_addresses')).toEqual({ listen_addresses: '' });
  });

  it('is the same on every machine: UTF-8, no language, UTC, superuser postgres', async () => {
    await using server = await startServer(testContext(), { purpose });
    await using database = await connect(server.address('postgres'), { purpose });
    expect(
      await database.one(`SELECT current_user AS "user", current_setting('TimeZone') AS zone,
        pg_encoding_to_char(encoding) AS encoding, 'a' < 'B' AS "ignoresCase"
        FROM pg_database WHERE datname = current_database()`),
    ).toEqual({ user: 'postgres', zone: 'UTC', encoding: 'UTF8', ignoresCase: false });
  });

  it('takes settings that win over those of the sandbox', async () => {
    const settings = { wal_level: 'logical', autovacuum: 'on' };
    await using server = await startServer(testContext(), { purpose, settings, maxConnections: 7 });
    await using database = await connect(server.address('postgres'), { purpose });
    expect(
      await database.query(`SELECT setting FROM pg_settings
        WHERE name IN ('autovacuum', 'max_connections', 'wal_level') ORDER BY name`),
    ).toEqual([{ setting: 'on' }, { setting: '7' }, { setting: 'logical' }]);
  });

  it('says why it did not start, and leaves nothing behind', async () => {
    const starting = startServer(testContext(), { purpose, settings: { no_such_setting: '1' } });
    await expect(starting).rejects.toMatchObject({
      code: 'sandbox/not-started',
      message: expect.stringContaining('no_such_setting'),
    });
  });

  it('ends when its user asks to stop', async () => {
    const context = testContext();
    const server = await startServer(context, { purpose });
    context.abort();
    await server.stop();
    expect(existsSync(server.folder)).toBe(false);
  });

  it('is refused after its user asked to stop', async () => {
    const context = testContext();
    context.abort();
    await expect(startServer(context, { purpose })).rejects.toMatchObject({ code: 'interrupted' });
  });

  it('can be started many times at once', async () => {
    const starting = Array.from({ length: 4 }, () => startServer(testContext(), { purpose }));
    const servers = await Promise.all(starting);
    expect(new Set(servers.map((server) => server.folder)).size).toBe(4);
    const answers = servers.map((server) => canConnect(server.address('postgres')));
    expect(await Promise.all(answers)).toEqual([true, true, true, true]);
    await Promise.all(servers.map((server) => server.stop()));
  });
});

describe('a throw-away server with a port', () => {
  it('wants the password that was chosen', async () => {
    const password = "it's a \\ p@ss/word";
    await using server = await startServer(testContext(), { purpose, tcp: true, password });
    const address = server.address('postgres');
    expect(address.host).toBe('127.0.0.1');
    expect(await canConnect(address)).toBe(true);
    const wrong = Address.parse(`postgresql://postgres:wrong@127.0.0.1:${address.port}/postgres`);
    await expect(connect(wrong, { purpose })).rejects.toMatchObject({
      code: 'postgres/wrong-password',
    });
  });

  it('has a password even when none was chosen', async () => {
    await using server = await startServer(testContext(), { purpose, tcp: true });
    const { port } = server.address('postgres');
    const without = Address.parse(`postgresql://postgres@127.0.0.1:${port}/postgres`);
    expect(await canConnect(without)).toBe(false);
    expect(await canConnect(server.address('postgres'))).toBe(true);
  });
});

describe('the databases of a throw-away server', () => {
  it('are made empty or as copies, and dropped even while in use', async () => {
    await using server = await startServer(testContext(), { purpose });
    await createDatabase(server, { name: 'shop' });
    {
      await using shop = await connect(server.address('shop'), { purpose });
      await shop.execute('CREATE TABLE orders AS SELECT 42 AS id');
    }
    await createDatabase(server, { name: 'a "copy"', template: 'shop' });
    await using copy = await connect(server.address('a "copy"'), { purpose });
    expect(await copy.query('SELECT id FROM orders')).toEqual([{ id: 42 }]);
    await dropDatabase(server, 'a "copy"');
    expect(await canConnect(server.address('a "copy"'))).toBe(false);
  });
});
