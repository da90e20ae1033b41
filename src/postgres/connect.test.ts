import { describe, expect, it } from 'vitest';
import { serverAddress, testDatabase } from '../../test/database.ts';
import { Address, quoteIdentifier } from './address.ts';
import { connect } from './connect.ts';

describe('a session', () => {
  it('keeps every field of a server error', async () => {
    await using database = await connect(serverAddress(), { purpose: 'test' });
    await expect(database.execute("SELECT 'ä', wrong")).rejects.toMatchObject({
      code: 'postgres/statement-failed',
      message: 'column "wrong" does not exist',
      details: { sqlState: '42703', position: 13, statement: "SELECT 'ä', wrong" },
    });
  });

  it('rolls a failed transaction back and goes on', async () => {
    await using fresh = await testDatabase({ sql: 'CREATE TABLE a (x int)' });
    await using database = await connect(fresh.address, { purpose: 'test' });
    const work = database.transaction(async () => {
      await database.execute('INSERT INTO a VALUES (1)');
      throw new Error('no');
    });
    await expect(work).rejects.toThrow('no');
    expect(await database.query('SELECT * FROM a')).toEqual([]);
  });

  it('without limits is ended by none that the database or the role was given', async () => {
    await using fresh = await testDatabase();
    const name = quoteIdentifier(fresh.address.database);
    await using server = await connect(serverAddress(), { purpose: 'test' });
    const given = { statement_timeout: '7s', lock_timeout: '8s', idle_session_timeout: '9s' };
    for (const [setting, value] of Object.entries(given))
      await server.execute(`ALTER DATABASE ${name} SET ${setting} = '${value}'`);
    await server.execute(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
    const limits = `SELECT name, setting FROM pg_settings
      WHERE name IN ('default_transaction_read_only', 'statement_timeout', 'lock_timeout', 'idle_session_timeout')
        AND setting NOT IN ('0', 'off')`;
    await using limited = await connect(fresh.address, { purpose: 'test' });
    expect(await limited.query(limits)).toHaveLength(4);
    await using unlimited = await connect(fresh.address, { purpose: 'test', unlimited: true });
    expect(await unlimited.query(limits)).toEqual([]);
    await unlimited.execute('CREATE TABLE written (n int)');
  });

  it('tells who it is to the server', async () => {
    await using database = await connect(serverAddress(), { purpose: 'test' });
    const row = await database.one<{ name: string; pid: number }>(
      "SELECT current_setting('application_name') AS name, pg_backend_pid() AS pid",
    );
    expect(row).toEqual({ name: 'drydock test', pid: database.pid });
  });

  it('has its statement cancelled when it is interrupted', async () => {
    const stop = new AbortController();
    await using database = await connect(serverAddress(), { purpose: 'test', signal: stop.signal });
    setTimeout(() => stop.abort(), 100);
    await expect(database.query('SELECT pg_sleep(60)')).rejects.toMatchObject({
      code: 'interrupted',
    });
  });

  it('tells that a connection was lost, and that the state is not known', async () => {
    await using database = await connect(serverAddress(), { purpose: 'test' });
    const ended = database.execute('SELECT pg_terminate_backend(pg_backend_pid())');
    await expect(ended).rejects.toMatchObject({
      databaseState: expect.stringMatching(/unknown|untouched/),
    });
    await expect(database.execute('SELECT 1')).rejects.toMatchObject({
      code: 'postgres/connection-lost',
      databaseState: 'unknown',
    });
  });

  it.each([
    ['postgres/no-such-database', () => serverAddress().withDatabase('nowhere')],
    ['postgres/unreachable', () => Address.parse('postgresql://127.0.0.1:1/a')],
    ['postgres/unreachable', () => Address.parse('postgresql:///a?host=/nowhere')],
    ['postgres/wrong-password', () => withPassword('wrong')],
  ])('that cannot be had tells %s', async (code, address) => {
    await expect(connect(address(), { purpose: 'test' })).rejects.toMatchObject({
      code,
      databaseState: 'untouched',
    });
  });
});

function withPassword(password: string): Address {
  const url = new URL(serverAddress().connectionString());
  url.password = password;
  return Address.parse(url.href);
}

describe('a script', () => {
  it('runs its statements in one message, and counts the rows of each', async () => {
    await using database = await connect(serverAddress(), { purpose: 'test' });
    const done = await database.script([
      'CREATE TEMP TABLE a (x int) -- not the end',
      'INSERT INTO a VALUES (1), (2)',
      'SELECT * FROM a',
    ]);
    expect(done.map(({ rowCount }) => rowCount)).toEqual([null, 2, 2]);
  });

  it('stops at the statement that fails, and names it and the place in it', async () => {
    await using database = await connect(serverAddress(), { purpose: 'test' });
    const script = ['BEGIN', "SELECT '😀'", 'SELECT nothing', 'COMMIT'];
    await expect(database.script(script)).rejects.toMatchObject({
      details: { statement: 'SELECT nothing', position: 8 },
    });
    // In the failed transaction, which the script began.
    await expect(database.query('SELECT 1')).rejects.toMatchObject({
      details: { sqlState: '25P02' },
    });
  });
});
