// What a look at the schema takes for a change by hand, on a real server.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TestDatabase, testContext, testDatabase } from '../../test/database.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { withChangeLock } from './change-lock.ts';
import { expectPresentSchema } from './expected-schema.ts';
import { install } from './install.ts';
import { lookAtSchema, readChangesByHand } from './schema-look.ts';

let holder: TestDatabase;
let database: Database;

beforeEach(async () => {
  holder = await testDatabase({
    sql: `CREATE TABLE users (id int PRIMARY KEY, age int DEFAULT 3, name text CHECK (name <> ''));
          CREATE MATERIALIZED VIEW grown AS SELECT * FROM users WHERE age > 17`,
  });
  database = await connect(holder.address, { purpose: 'test' });
  await install(database);
  await expectPresentSchema(database);
});

afterEach(async () => {
  await database.close();
  await holder.drop();
});

async function noticed(): Promise<number> {
  return (await readChangesByHand(database, new Date(0))).noticed.length;
}

async function isChangedSince(): Promise<boolean> {
  return (await readChangesByHand(database, new Date(0))).isChangedSince;
}

const takenBack = [
  'ALTER TABLE users ADD COLUMN brief int; ALTER TABLE users DROP COLUMN brief',
  'ALTER TABLE users ALTER COLUMN age TYPE bigint; ALTER TABLE users ALTER COLUMN age TYPE int',
  'ALTER TABLE users ALTER COLUMN age SET DEFAULT 4; ALTER TABLE users ALTER COLUMN age SET DEFAULT 3',
  'ALTER TABLE users RENAME COLUMN age TO years; ALTER TABLE users RENAME COLUMN years TO age',
  "ALTER TABLE users DROP CONSTRAINT users_name_check; ALTER TABLE users ADD CHECK (name <> '')",
];

describe('a change by hand that was taken back', () => {
  // Dropping a column that a view needs is refused; the view is no part of this.
  beforeEach(async () => {
    await database.execute('DROP MATERIALIZED VIEW grown');
    await expectPresentSchema(database);
  });

  it.each(takenBack)('is noticed at the next look, once: %s', async (sql) => {
    for (const statement of sql.split('; ')) await database.execute(statement);
    expect([await noticed(), await isChangedSince()]).toEqual([0, true]);
    await lookAtSchema(database);
    await lookAtSchema(database);
    expect([await noticed(), await isChangedSince()]).toEqual([1, false]);
  });
});

describe('a change by hand', () => {
  it('is noticed at every look as long as it is there, also one that leaves no trace', async () => {
    await database.execute('CREATE INDEX by_hand ON users (age)');
    await lookAtSchema(database);
    await lookAtSchema(database);
    await database.execute('DROP INDEX by_hand');
    await lookAtSchema(database);
    expect(await noticed()).toBe(2);
  });

  it('is not what a command of Drydock does meanwhile, or has left', async () => {
    await withChangeLock(testContext(), { address: holder.address, holder: 'test' }, async () => {
      await database.execute('ALTER TABLE users ADD COLUMN more int');
      await lookAtSchema(database);
      await expectPresentSchema(database);
    });
    await lookAtSchema(database);
    expect([await noticed(), await isChangedSince()]).toEqual([0, false]);
  });

  it.each([
    'TRUNCATE users',
    'CREATE TEMPORARY TABLE brief (id int PRIMARY KEY, name text DEFAULT 5)',
    'REFRESH MATERIALIZED VIEW grown',
    'REINDEX TABLE users',
    'VACUUM FULL users',
    'INSERT INTO users VALUES (1); ANALYZE users',
  ])('is not the ordinary work of a database: %s', async (sql) => {
    await database.execute(sql);
    await lookAtSchema(database);
    expect([await noticed(), await isChangedSince()]).toEqual([0, false]);
  });

  it('is looked for where a Drydock has installed what it needs, and nowhere else', async () => {
    await database.execute('DROP TABLE drydock.schema_trace, drydock.changes_by_hand');
    await using fresh = await connect(holder.address, { purpose: 'test' });
    await fresh.execute('ALTER TABLE users ADD COLUMN more int');
    await lookAtSchema(fresh);
    expect(await readChangesByHand(fresh, new Date(0))).toEqual({
      noticed: [],
      isChangedSince: false,
    });
  });
});
