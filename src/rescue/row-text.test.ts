import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { testDatabase } from '../../test/database.ts';
import { connect } from '../postgres/connect.ts';
import { fieldsOf } from './row-text.ts';

describe('the text of a row', () => {
  it.each([
    ['(1,"a, ""b""",,"")', ['1', 'a, "b"', null, '']],
    ['(,)', [null, null]],
    ['("\\\\","(")', ['\\', '(']],
    ['("""")', ['"']],
  ])('%s', (row, fields) => {
    expect(fieldsOf(row)).toEqual(fields);
  });

  it('is read back as the server wrote it, whatever the values', async () => {
    await using fresh = await testDatabase();
    await using database = await connect(fresh.address, { purpose: 'test' });
    const value = fc.option(
      fc.oneof(
        fc.string({ unit: 'grapheme' }),
        fc.string({ unit: fc.constantFrom('"', '\\', ',', '(', ')', ' ', '\n') }),
      ),
    );
    const rows = fc.sample(
      fc.array(
        value.map((text) => text?.replaceAll('\0', '') ?? null),
        { minLength: 2, maxLength: 2 },
      ),
      500,
    );
    const [a, b] = [0, 1].map((column) => rows.map((row) => row[column] ?? null));
    const texts = await database.query<{ row: string }>(
      'SELECT ROW(a, b)::text AS row FROM unnest($1::text[], $2::text[]) WITH ORDINALITY t (a, b, n) ORDER BY n',
      [a, b],
    );
    expect(texts.map(({ row }) => fieldsOf(row))).toEqual(rows);
  });
});
