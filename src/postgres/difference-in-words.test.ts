import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../test/database.ts';
import { connect, type Database } from './connect.ts';
import { differenceInWords } from './difference-in-words.ts';
import { type SchemaFact, schemaFacts } from './fingerprint.ts';

let fresh: TestDatabase;
let database: Database;
let before: readonly SchemaFact[];

beforeAll(async () => {
  fresh = await testDatabase({
    sql: `CREATE TABLE users (id int PRIMARY KEY, email varchar(255) NOT NULL DEFAULT 'none', seen timestamptz, age int);
          CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';`,
  });
  database = await connect(fresh.address, { purpose: 'test' });
  before = await schemaFacts(database);
});
afterAll(async () => {
  await database.close();
  await fresh.drop();
});

it.each([
  [
    'ALTER TABLE users ALTER email TYPE text, ALTER email DROP NOT NULL, ALTER email DROP DEFAULT',
    [
      "column users.email: type text, was varchar(255); may be null now; default 'none'::varchar is gone",
    ],
  ],
  [
    'ALTER TABLE users ALTER seen SET NOT NULL, ALTER seen SET DEFAULT now()',
    ['column users.seen: not null now; default now() is new'],
  ],
  [
    'ALTER TABLE users ALTER seen TYPE timestamp',
    ['column users.seen: type timestamp, was timestamptz'],
  ],
  ['CREATE INDEX users_email_idx ON users (email)', ['index users_email_idx on users is new']],
  ['ALTER TABLE users DROP COLUMN email', ['column users.email is missing']],
  ['ALTER TABLE users ADD more int NOT NULL', ['column users.more is new: integer not null']],
  ['CREATE TABLE extra (id int PRIMARY KEY)', ['table extra is new']],
  ['DROP TABLE users', ['table users is missing']],
  [
    "CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 2'",
    ['function one() has another definition'],
  ],
  [
    'ALTER TABLE users RENAME age TO years',
    ['column users.age is missing', 'column users.years is new: integer'],
  ],
  ['SELECT 1', []],
])('%s', async (sql, sentences) => {
  await database.execute(`BEGIN; ${sql}`);
  try {
    expect(differenceInWords(before, await schemaFacts(database))).toEqual(sentences);
  } finally {
    await database.execute('ROLLBACK');
  }
});
