import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../core/digest.ts';
import { checksumOf, isChecksumOf } from './checksum.ts';

const same = (a: string, b: string): void => expect(checksumOf(a)).toBe(checksumOf(b));
const differ = (a: string, b: string): void => expect(checksumOf(a)).not.toBe(checksumOf(b));

describe('a checksum', () => {
  it('does not see byte-order marks, line ends, blank lines and indentation', () => {
    same('\uFEFFSELECT 1,\r\n  2;\r\n\r\n', 'SELECT 1,2;');
    same('CREATE TABLE a (\n  x int\n);', 'CREATE TABLE a(x int) ;');
  });

  it('does not see comments', () => {
    same('-- The first.\nSELECT /* one */ 1;', 'SELECT 1;');
    same('-- drydock: allow drop-table because it is empty\nDROP TABLE a;', 'DROP TABLE a;');
  });

  it('sees the comments that decide how the file is run', () => {
    differ('-- drydock: no-transaction\nDELETE FROM a;', 'DELETE FROM a;');
    same(
      '-- drydock: batch  size 5\nDELETE FROM a;',
      '--  Why.\n-- drydock: batch size 5\nDELETE FROM a;'.replace('--  Why.\n', ''),
    );
    differ('-- drydock: batch size 5\nDELETE FROM a;', '-- drydock: batch size 6\nDELETE FROM a;');
  });

  it.each([
    ["SELECT 'a  b'", "SELECT 'a b'"],
    ["SELECT E'\\'  -- no'", "SELECT E'\\' -- no'"],
    ['SELECT $a$ -- x\n$a$', 'SELECT $a$\n$a$'],
    ['SELECT 1 "a  b"', 'SELECT 1 "a b"'],
    ['SELECT ab', 'SELECT a b'],
    ['SELECT @ - 1', 'SELECT @- 1'],
    ["SELECT date '1'", "SELECT date'1' 'x'"],
    ['SELECT 1', 'SELECT 2'],
  ])('sees the difference between %j and %j', differ);

  it('is the same however the tokens of a text are laid out', () => {
    const tokens = fc.constantFrom(
      'SELECT',
      'a',
      "'it''s  -- text'",
      '"N  n"',
      '(',
      ')',
      ',',
      ';',
      '1.5',
      '$1',
      '$x$ /* */\n$x$',
      '<=',
      "E'\\''",
    );
    const gap = fc.constantFrom(
      ' ',
      '\n',
      '\r\n\t',
      ' -- note\n',
      ' /* a /* nested */ b */ ',
      '\n\n-- drydock: allow x because y\n',
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(tokens, gap, gap), { maxLength: 20 }), (parts) => {
        const text = (side: 1 | 2): string => parts.map((part) => part[0] + part[side]).join('');
        same(text(1), text(2));
      }),
    );
  });

  it('of a ledger from before is still that of its file', () => {
    const sql = '-- Why.\nSELECT 1;\r\n';
    const migration = { sql, checksum: checksumOf(sql) };
    expect(isChecksumOf(sha256('-- Why.\nSELECT 1;'), migration)).toBe(true);
    expect(isChecksumOf(sha256('-- Why.\nSELECT 2;'), migration)).toBe(false);
  });
});
