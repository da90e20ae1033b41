import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Node, parseSql } from './parser.ts';
import { positionsIn } from './text-position.ts';

async function textsOf(sql: string): Promise<string[]> {
  const parsed = await parseSql(sql);
  for (const each of parsed.statements) expect(sql.slice(each.start, each.end)).toBe(each.text);
  return parsed.statements.map((statement) => statement.text);
}

async function kindsOf(sql: string): Promise<string[]> {
  return (await parseSql(sql)).problems.map((problem) => problem.kind);
}

describe('statements', () => {
  it('are found with their exact text, without comments and semicolons', async () => {
    const sql = '-- why\nSELECT 1 /* in */ + 1; /* between /* nested */ */\n SELECT 2 -- after\n;;';
    expect(await textsOf(sql)).toEqual(['SELECT 1 /* in */ + 1', 'SELECT 2']);
  });

  it.each([
    ["SELECT 'a;b', \"c;d\", E'\\';', $$;$$, $x$ $$ ; $x$; SELECT 2", 2],
    ["SELECT 'it''s;', a$b$, U&'\\0061;'; SELECT 2", 2],
    ['CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2); SELECT 2', 2],
    [
      'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; SELECT 2',
      2,
    ],
    ['BEGIN; SELECT 1; END;', 3],
    ['', 0],
    ['  -- only a comment', 0],
    ['\uFEFFSELECT 1;\r\nSELECT 2;\r\n', 2],
  ])('of %j are counted as PostgreSQL counts them', async (sql, count) => {
    expect(await textsOf(sql)).toHaveLength(count);
    expect(await kindsOf(sql)).toEqual([]);
  });

  it('have their places and inner locations in UTF-16 units, whatever stands before', async () => {
    const sql = '\uFEFF-- Grüße 🚢\nSELECT \'€\'; ALTER TABLE "日本" ADD COLUMN größe int;';
    const [, alter] = (await parseSql(sql)).statements;
    expect(alter?.text).toBe('ALTER TABLE "日本" ADD COLUMN größe int');
    expect(sql.slice(locationOf(alter?.node, 'relation'))).toMatch(/^"日本"/);
    expect(sql.slice(locationOf(alter?.node, 'typeName'))).toMatch(/^int/);
    expect(positionsIn(sql)(alter?.start ?? 0)).toEqual({ line: 2, column: 13 });
  });
});

describe('a syntax error', () => {
  it.each([
    ['an unknown word', 'ALTR TABLE a;\nDROP TABLE users;'],
    ['a missing semicolon', 'CREATE TABLE a (id int)\nDROP TABLE users;'],
    ['an open parenthesis', 'CREATE TABLE a (id int;\nDROP TABLE users;'],
    ['an odd quote', "INSERT INTO a VALUES ('it's');\nDROP TABLE users;"],
    ['an open block', 'CREATE FUNCTION f() BEGIN ATOMIC SELECT 1;\nDROP TABLE users;'],
  ])('such as %s hides no later statement', async (_, sql) => {
    expect(await textsOf(sql)).toContain('DROP TABLE users');
    expect(await kindsOf(sql)).toEqual(['syntax']);
  });

  it('never makes statements of a quoted body', async () => {
    const sql = 'CREATE FUNCTON f() AS $$\nBEGIN\nDELETE FROM t;\nEND $$;\nSELECT 2;';
    expect(await textsOf(sql)).toEqual(['SELECT 2']);
  });

  it('has its exact place after non-ASCII text', async () => {
    const sql = "SELECT '🚢é'; SELECT '🚢é' FRM t WHERE;";
    const [problem] = (await parseSql(sql)).problems;
    expect(sql.slice(problem?.offset)).toBe('t WHERE;');
  });
});

describe('what only psql understands', () => {
  it('is told apart and hides nothing', async () => {
    const sql = '\\set ON_ERROR_STOP on\nSELECT 1;\nSELECT 2 \\gexec\n\\i other.sql\nSELECT 3;';
    expect(await textsOf(sql)).toEqual(['SELECT 1', 'SELECT 2', 'SELECT 3']);
    expect(await kindsOf(sql)).toEqual(Array(3).fill('psql-command'));
  });

  it('includes the data lines after COPY FROM stdin', async () => {
    const sql = "COPY t (a, b) FROM stdin;\n1\tit's; DROP\n\\.\nSELECT 1;";
    expect(await textsOf(sql)).toEqual(['COPY t (a, b) FROM stdin', 'SELECT 1']);
    expect(await kindsOf(sql)).toEqual(['copy-data']);
  });
});

describe('hard cases end', () => {
  it('binary junk is one problem', async () => {
    expect(await kindsOf('\u007fELF\0\u0001; SELECT 1;')).toEqual(['not-text']);
  });

  it('nesting beyond the parser is one problem, and the next statement is seen', async () => {
    const sql = `SELECT ${'('.repeat(20_000)}1${')'.repeat(20_000)}; SELECT 2;`;
    expect(await kindsOf(sql)).toEqual(['too-complex']);
    expect(await textsOf(sql)).toEqual(['SELECT 2']);
  });

  it('50,000 statements, one of them wrong', async () => {
    const sql = `${'ALTER TABLE t ADD COLUMN c integer;\n'.repeat(25_000)}SELEC;${'SELECT 1;'.repeat(25_000)}`;
    const parsed = await parseSql(sql);
    expect(parsed.statements).toHaveLength(50_000);
    expect(parsed.problems).toHaveLength(1);
  });

  it('a psql command inside a statement, which stays as it was written', async () => {
    const sql = 'SELECT 1 \\echo here\n+ 2; SELECT 3';
    expect(await textsOf(sql)).toEqual(['SELECT 1 \\echo here\n+ 2', 'SELECT 3']);
    expect(await kindsOf(sql)).toEqual(['psql-command']);
  });

  it('any text at all, with every statement where it says', async () => {
    const fragment = fc.constantFrom(
      ...[
        "'",
        '"',
        '$$',
        '$a$',
        ';',
        '/*',
        '*/',
        '--',
        '\n',
        '\r\n',
        '(',
        ')',
        'E',
        '\\',
        ' ',
        '🚢',
        '\ud800',
        '\uFEFF',
      ],
      ...[
        'SELECT 1',
        'BEGIN ATOMIC',
        'CREATE FUNCTION f()',
        'CASE',
        'END',
        'COPY t FROM stdin',
        '\\.',
        'DROP TABLE a',
      ],
    );
    const text = fc.array(fc.oneof(fragment, fc.string({ unit: 'grapheme' })), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(text, async (parts) => {
        const sql = parts.join('');
        await textsOf(sql.toWellFormed());
        await parseSql(sql);
      }),
      { numRuns: 500 },
    );
  });
});

function locationOf(node: Node | undefined, key: string): number {
  let found = -1;
  JSON.stringify(node, (name, value) => {
    if (name === key) found = value.location;
    return value;
  });
  return found;
}
