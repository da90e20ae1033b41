import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serverAddress } from '../../test/database.ts';
import { Address, quoteIdentifier, quoteLiteral, withLiterals } from './address.ts';
import { connect } from './connect.ts';
import { passFilePassword } from './pass-file.ts';

describe('an address', () => {
  it('shows its password in no way', () => {
    const address = Address.parse('postgresql://ana:p%40ss@db.example:5433/shop');
    const shown = [
      String(address),
      JSON.stringify({ address }),
      inspect(address),
      address.toolArgument(),
    ].join();
    expect(shown).not.toMatch(/p%40ss|p@ss/);
    expect(address.toolEnvironment()).toEqual({ PGPASSWORD: 'p@ss' });
    expect(address.label).toBe('db.example:5433/shop');
  });

  it('hides a password that is given as a parameter too', () => {
    const address = Address.parse('postgresql:///shop?host=/run/socket&user=ana&password=s3cret');
    expect(address.toolArgument()).not.toContain('s3cret');
    expect(address.toolEnvironment()).toEqual({ PGPASSWORD: 's3cret' });
    expect([address.host, address.user]).toEqual(['/run/socket', 'ana']);
  });

  it('leads to another database of the same server', () => {
    const other = Address.parse('postgresql://ana@h:1/a?sslmode=require').withDatabase('b c');
    expect(other.database).toBe('b c');
    expect(other.toolArgument()).toBe('postgresql://ana@h:1/b%20c?sslmode=require');
  });

  it('carries odd characters of a password, a user and a database to the server', async () => {
    const server = serverAddress();
    await using admin = await connect(server, { purpose: 'test' });
    const odd = 'a@b:c/d%e?f#g h&i+j\\k"l\'m';
    const role = `odd ${odd}`;
    await admin.execute(
      `CREATE ROLE ${quoteIdentifier(role)} LOGIN PASSWORD ${quoteLiteral(odd)};`,
    );
    await admin.execute(`CREATE DATABASE ${quoteIdentifier(odd)} OWNER ${quoteIdentifier(role)}`);
    try {
      const [user, password, name] = [role, odd, odd].map(encodeURIComponent);
      const address = Address.parse(
        `postgresql://${user}:${password}@${server.host}:${server.port}/${name}`,
      );
      await using database = await connect(address, { purpose: 'test' });
      expect(
        await database.one('SELECT current_user::text AS u, current_database()::text AS d'),
      ).toEqual({ u: role, d: odd });
    } finally {
      await admin.execute(`DROP DATABASE ${quoteIdentifier(odd)}`);
      await admin.execute(`DROP ROLE ${quoteIdentifier(role)}`);
    }
  });

  it('may name a user, or a user and a password, without a host', () => {
    const address = Address.parse('postgresql://ana:p%40ss@/shop?host=/run/pg');
    expect([address.user, address.label]).toEqual(['ana', '/run/pg:5432/shop']);
    expect(address.toolEnvironment()).toEqual({ PGPASSWORD: 'p@ss' });
    expect(address.toolArgument()).not.toMatch(/p%40ss|p@ss/);
  });

  it('may have a socket in the place of its host, and an address of six', () => {
    expect(Address.parse('postgresql://%2Frun%2Fpg/shop').label).toBe('/run/pg:5432/shop');
    expect(Address.parse('postgresql://[::1]:5433/shop').wire()).toMatchObject({
      host: '::1',
      port: 5433,
    });
  });

  it.each([
    '',
    'shop',
    'postgresql://u:50%off@h/shop',
    'mysql://h/shop',
    'postgresql://h',
    'postgresql://h/',
  ])('is not read from %j', (text) => {
    expect(() => Address.parse(text)).toThrow(
      expect.objectContaining({ code: 'config/bad-address' }),
    );
  });
});

describe('where an address may stand', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'drydock-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function file(name: string, text: string): string {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  it('is a variable for what an address does not say about password and encryption, and for no more', () => {
    const variables = {
      PGPASSWORD: 's3cret',
      PGSSLMODE: 'require',
      PGHOST: 'elsewhere',
      PGDATABASE: 'other',
      PGUSER: 'eve',
    };
    const address = Address.parse('postgresql://ana@db.example/shop', variables);
    expect([address.label, address.user]).toEqual(['db.example:5432/shop', 'ana']);
    expect(address.wire()).toMatchObject({
      password: 's3cret',
      ssl: { rejectUnauthorized: false },
    });
    const complete = 'postgresql://ana:mine@db.example/shop?sslmode=disable';
    expect(Address.parse(complete, variables).wire()).toMatchObject({
      password: 'mine',
      ssl: false,
    });
    const socket = Address.parse('postgresql://ana@/shop?host=/run/pg', variables);
    expect(socket.wire().ssl).toBe(false);
  });

  it('is a service, which wins over variables and gives way to the address', () => {
    const PGSERVICEFILE = file(
      'services',
      '# teams\n[other]\nhost=x\n\n[shop]\nhost = db.example\nport=5433\ndbname=shop\nuser=ana\npassword=s3=cret\n',
    );
    const address = Address.fromPgVariables({
      PGSERVICE: 'shop',
      PGSERVICEFILE,
      PGHOST: 'no',
      PGSSLMODE: 'require',
    });
    expect(address?.label).toBe('db.example:5433/shop');
    expect(address?.wire()).toMatchObject({
      user: 'ana',
      password: 's3=cret',
      ssl: { rejectUnauthorized: false },
    });
    const named = Address.parse('postgresql://bob@/other?service=shop', { PGSERVICEFILE });
    expect([named.user, named.label]).toEqual(['bob', 'db.example:5433/other']);
    expect(() => Address.fromPgVariables({ PGSERVICE: 'none', PGSERVICEFILE })).toThrow(
      expect.objectContaining({
        code: 'config/no-such-service',
        message: `there is no connection service none in ${PGSERVICEFILE}`,
      }),
    );
  });

  it('is a service that leads to a server, with a password of odd characters in its file', async () => {
    const server = serverAddress();
    await using admin = await connect(server, { purpose: 'test' });
    const odd = `p@ss:w/o%rd#=\\'"`;
    await admin.execute(`CREATE ROLE by_service LOGIN PASSWORD ${quoteLiteral(odd)}`);
    const { port } = server;
    const PGSERVICEFILE = file(
      'services',
      `[here]\nhost=${server.host}\nport=${port}\ndbname=postgres\nuser=by_service\npassword=${odd}\n`,
    );
    try {
      const address = Address.fromPgVariables({ PGSERVICE: 'here', PGSERVICEFILE });
      if (address === undefined) throw new Error('no address');
      await using database = await connect(address, { purpose: 'test' });
      expect(await database.one('SELECT current_user::text AS u')).toEqual({ u: 'by_service' });
    } finally {
      await admin.execute('DROP ROLE by_service');
    }
  });

  it('has its password in a pass file, which nobody else may read', () => {
    const question = { host: 'db.example', port: '5432', database: 'shop', user: 'ana' };
    const PGPASSFILE = file(
      'passes',
      '#db.example:*:*:*:no\ndb.example:5433:*:*:no\n*:5432:shop:an\\:a:no\n*:*:shop:ana:p\\:a\\\\ss\n',
    );
    expect(passFilePassword(question, { PGPASSFILE })).toBe('p:a\\ss');
    expect(passFilePassword({ ...question, user: 'bob' }, { PGPASSFILE })).toBeUndefined();
    chmodSync(PGPASSFILE, 0o644);
    expect(passFilePassword(question, { PGPASSFILE })).toBeUndefined();
  });
});

describe('quoting', () => {
  it('brings every text through the server as it was', async () => {
    await using database = await connect(serverAddress(), { purpose: 'test' });
    const texts = fc
      .string({ unit: 'binary', maxLength: 40 })
      .filter((text) => !text.includes('\0'));
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        const wellFormed = text.toWellFormed();
        const row = await database.one<{ value: string }>(
          `SELECT ${quoteLiteral(wellFormed)} AS value`,
        );
        expect(row.value).toBe(wellFormed);
      }),
      { numRuns: 60 },
    );
  });

  it('makes any text a name', async () => {
    await using database = await connect(serverAddress(), { purpose: 'test' });
    const name = 'a"b; DROP TABLE x; -- \n$(rm)';
    const row = await database.one<Record<string, number>>(`SELECT 1 AS ${quoteIdentifier(name)}`);
    expect(Object.keys(row)).toEqual([name]);
  });
});

describe('SQL with its parameters written out', () => {
  it('keeps quotes, backslashes and dollar signs of values', () => {
    const values = ["it's", 'a\\b', '$1', null, 7, new Date(0)];
    expect(withLiterals('$1 $2 $3 $4 $5 $6', values)).toBe(
      "'it''s'  E'a\\\\b' '$1' NULL 7 '1970-01-01T00:00:00.000Z'",
    );
  });
});
