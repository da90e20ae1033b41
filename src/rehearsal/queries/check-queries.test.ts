import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  serverAddress,
  type TestDatabase,
  testContext,
  testDatabase,
} from '../../../test/database.ts';
import { connect } from '../../postgres/connect.ts';
import { askBeforePlan } from './check-queries.ts';
import { oldCodeAround } from './old-code.ts';
import type { ApplicationStatement, QueriesReport } from './report.ts';

const schema = `
  CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL, born date, age int);
  CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users, at timestamptz, total numeric);
  CREATE INDEX orders_user ON orders (user_id);
  INSERT INTO users SELECT n, n || '@example.com', '2000-01-01', n % 90 FROM generate_series(1, 5000) n;
  INSERT INTO orders SELECT n, n % 5000 + 1, now(), n FROM generate_series(1, 20000) n;
  CREATE VIEW adults AS SELECT id, age FROM users WHERE age > 17;
  CREATE FUNCTION mail_of(wanted int) RETURNS text LANGUAGE sql AS 'SELECT email FROM users WHERE id = wanted';
  CREATE FUNCTION older() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE others record; total orders.total%TYPE; one users%ROWTYPE;
    BEGIN
      SELECT sum(o.total) INTO total FROM orders o WHERE o.user_id = NEW.id AND o.total > one.age;
      FOR others IN SELECT id FROM users WHERE age = NEW.age LOOP
        UPDATE users SET age = age + 1 WHERE id = others.id;
      END LOOP;
      RETURN NEW;
    END $$;
  CREATE TRIGGER older BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION older();
  CREATE FUNCTION anything(name text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'TABLE ' || name; END $$;
  ANALYZE`;

let template: TestDatabase;

beforeAll(async () => {
  template = await testDatabase({ sql: schema });
});

afterAll(() => template.drop());

function freshCopy(): Promise<TestDatabase> {
  return testDatabase({ template: template.address.database });
}

function sent(text: string, more: Partial<ApplicationStatement> = {}): ApplicationStatement {
  return { text, from: 'file', role: null, searchPath: null, calls: null, ...more };
}

/** Asks, changes the copy, asks again. */
async function reportOf(
  plan: string,
  statements: readonly (string | ApplicationStatement)[],
): Promise<QueriesReport> {
  await using copy = await freshCopy();
  const before = await askBeforePlan(testContext(), {
    copy: copy.address,
    statements: statements.map((each) => (typeof each === 'string' ? sent(each) : each)),
    sources: [],
  });
  await using database = await connect(copy.address, { purpose: 'test' });
  await database.execute(plan);
  return await before.after();
}

describe('the queries of the application', () => {
  it('that name a renamed column are broken, in the words of the server', async () => {
    const report = await reportOf('ALTER TABLE users RENAME email TO mail', [
      'SELECT email FROM users WHERE id = $1',
      'UPDATE users SET email = $1 WHERE id = $2',
      'SELECT id FROM users WHERE id = $1',
    ]);
    expect(report.broken.map(({ text, reason, sqlState }) => [text, reason, sqlState])).toEqual([
      ['SELECT email FROM users WHERE id = $1', 'column "email" does not exist', '42703'],
      [
        'UPDATE users SET email = $1 WHERE id = $2',
        'column "email" of relation "users" does not exist',
        '42703',
      ],
    ]);
    expect(report.checked).toBe(3);
  });

  it('are understood in the shapes that normalising leaves behind', async () => {
    const { checked, notChecked } = await reportOf('SELECT', [
      'SELECT at + interval $1 FROM orders',
      'SELECT extract($2 FROM at) FROM orders WHERE id = $1',
      'SELECT $1::date + $2 FROM users',
      'SELECT * FROM generate_series($1, $2) JOIN users ON true',
      'SELECT id FROM orders WHERE at > timestamp with time zone $1',
      'INSERT INTO users (id, email) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET email = excluded.email',
    ]);
    expect({ checked, notChecked }).toEqual({ checked: 6, notChecked: [] });
  });

  it('that were never understood are not passed, and utility statements are no queries', async () => {
    const { checked, notChecked } = await reportOf('SELECT', [
      'SELECT nothing FROM users',
      'SELEC 1',
      'VACUUM users',
      'SELECT * FROM pg_stat_activity',
    ]);
    expect(checked).toBe(0);
    expect(notChecked.map(({ text }) => text)).toEqual(['SELECT nothing FROM users', 'SELEC 1']);
  });

  it('that return other columns are told with both', async () => {
    const { changedColumns, broken } = await reportOf(
      'ALTER TABLE orders ALTER total TYPE numeric(12, 2); ALTER TABLE users ADD note text',
      ['SELECT total AS sum FROM orders', 'SELECT * FROM users', 'SELECT id FROM users'],
    );
    expect(broken).toEqual([]);
    expect(changedColumns.map(({ text, star }) => [text, star])).toEqual([
      ['SELECT total AS sum FROM orders', false],
      ['SELECT * FROM users', true],
    ]);
    expect(changedColumns[0]).toMatchObject({
      before: [{ name: 'sum', type: 'numeric' }],
      after: [{ name: 'sum', type: 'numeric(12,2)' }],
    });
    expect(changedColumns[1]?.after.at(-1)).toEqual({ name: 'note', type: 'text' });
  });

  it('that lost their index are told with both plans', async () => {
    const { costlier } = await reportOf('DROP INDEX orders_user', [
      'SELECT * FROM orders WHERE user_id = $1',
    ]);
    expect(costlier).toHaveLength(1);
    expect(costlier[0]?.before.plan.join()).toContain('orders_user');
    expect(costlier[0]?.after.plan.join()).toContain('Seq Scan on orders');
    expect(costlier[0]?.costAfterAnalyze).toBeGreaterThan(costlier[0]?.before.cost ?? Infinity);
  });

  it('are asked about with the rights and the search_path of their role', async () => {
    await using role = await testRole();
    const statements = [sent('SELECT total FROM orders', { role: role.name })];
    await using copy = await freshCopy();
    await using database = await connect(copy.address, { purpose: 'test' });
    await database.execute(`GRANT SELECT ON orders TO ${role.name}`);
    const context = testContext();
    const before = await askBeforePlan(context, { copy: copy.address, statements, sources: [] });
    await database.execute(`REVOKE SELECT ON orders FROM ${role.name}`);
    const { broken } = await before.after();
    expect(broken).toMatchObject([
      { reason: 'permission denied for table orders', role: role.name },
    ]);
    await database.execute(`DROP OWNED BY ${role.name}`);
  });
});

describe('code in the database', () => {
  it('that the plan breaks is named, with the reason', async () => {
    const { code } = await reportOf(
      'ALTER TABLE users RENAME email TO mail; ALTER TABLE orders RENAME user_id TO buyer_id',
      [],
    );
    expect(code.broken).toEqual([
      {
        object: 'function public.mail_of(wanted integer)',
        reason: 'column "email" does not exist',
      },
      { object: 'function public.older()', reason: 'column o.user_id does not exist' },
    ]);
  });

  it('that cannot be judged is told so, and the rest is well', async () => {
    const { code } = await reportOf('SELECT', []);
    expect(code).toEqual({
      checked: 3,
      broken: [],
      notChecked: [
        { object: 'function public.anything(name text)', reason: 'it builds SQL at run time' },
      ],
    });
  });

  it('finds a field of NEW that is gone', async () => {
    const { code } = await reportOf('DROP VIEW adults; ALTER TABLE users RENAME age TO years', []);
    expect(code.broken[0]).toMatchObject({ object: 'function public.older()' });
  });
});

describe('old code', () => {
  it('runs against the copy, and its status and last words are kept', async () => {
    await using copy = await freshCopy();
    const oldCode = { command: 'echo "$DATABASE_URL" | grep -c test_; exit 3', folder: '/' };
    const said = await oldCodeAround(testContext(), oldCode).after(copy.address);
    expect(said).toMatchObject({ oldCode: { exitCode: 3, said: '1' } });
  });
});

async function testRole(): Promise<AsyncDisposable & { readonly name: string }> {
  const name = `app_${Math.random().toString(36).slice(2)}`;
  const execute = async (sql: string): Promise<void> => {
    await using database = await connect(serverAddress(), { purpose: 'test' });
    await database.execute(sql);
  };
  await execute(`CREATE ROLE ${name} NOLOGIN`);
  return { name, [Symbol.asyncDispose]: () => execute(`DROP ROLE ${name}`) };
}
