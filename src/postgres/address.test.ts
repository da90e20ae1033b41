import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { serverAddress } from '../../test/database.ts';
import { Address, quoteIdentifier, quoteLiteral } from './address.ts';
import { connect } from './connect.ts';

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

  it.each(['', 'shop', 'mysql://h/shop', 'postgresql://h', 'postgresql://h/'])(
    'is not read from %j',
    (text) => {
      expect(() => Address.parse(text)).toThrow(
        expect.objectContaining({ code: 'config/bad-address' }),
      );
    },
  );
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
