import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  type TestContext,
  type TestDatabase,
  testContext,
  testDatabase,
} from '../../../test/database.ts';
import { connect, type Database } from '../../postgres/connect.ts';
import { sampleRows } from './sample-rows.ts';

const schema = `
  CREATE TABLE "select" (id int PRIMARY KEY, boss int REFERENCES "select");
  CREATE TABLE users (id bigint PRIMARY KEY, region int, team int, UNIQUE (region, id));
  CREATE TABLE teams (id int PRIMARY KEY, captain bigint REFERENCES users);
  ALTER TABLE users ADD CONSTRAINT users_team FOREIGN KEY (team) REFERENCES teams;
  CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, region int, user_id bigint,
    note text, doubled int GENERATED ALWAYS AS (region * 2) STORED,
    FOREIGN KEY (region, user_id) REFERENCES users (region, id));
  CREATE TABLE events (id serial, at timestamptz NOT NULL, order_id int REFERENCES orders)
    PARTITION BY RANGE (at);
  CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (MINVALUE) TO (MAXVALUE);
  CREATE TABLE odd (sampled_row numeric, "a b" text[], c bytea, d jsonb, e interval, f float8, g "char");
  CREATE TABLE secrets (word text);
  CREATE TABLE broken (n int);
  CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'fired'; END $$;`;

const filled = `
  INSERT INTO "select" SELECT i, CASE WHEN i % 50 > 0 THEN i + 1 END FROM generate_series(1, 500) i;
  INSERT INTO teams SELECT i FROM generate_series(1, 300) i;
  INSERT INTO users SELECT i, i % 3, CASE WHEN i % 2 = 0 THEN i % 300 + 1 END FROM generate_series(1, 5000) i;
  UPDATE teams SET captain = CASE WHEN id % 2 = 1 THEN id ELSE 5001 - id END;
  INSERT INTO orders (region, user_id, note)
    SELECT u.region, u.id, 'it''s "so", \\ (' || i FROM generate_series(1, 20000) i JOIN users u ON u.id = i % 5000 + 1;
  INSERT INTO events (at, order_id) SELECT now(), i FROM generate_series(1, 20000) i;
  INSERT INTO odd VALUES ('NaN', '{"x,y",NULL,"{"}', '\\x00ff', '{"a": null}', '1 mon -2 days', 0.1, 'x'),
    (123456789012345678901234567890.12345, '[2:3]={a,b}', '', 'null', '0', 'Infinity', NULL);
  INSERT INTO secrets VALUES ('x');
  INSERT INTO broken VALUES (0);
  ALTER TABLE broken ADD CHECK (n > 0) NOT VALID;`;

const triggers =
  'CREATE TRIGGER t BEFORE INSERT OR DELETE ON orders FOR EACH ROW EXECUTE FUNCTION refuse();';

let source: TestDatabase;
let target: TestDatabase;
let live: Database;
let copy: Database;
let context: TestContext;

beforeEach(async () => {
  source = await testDatabase({ sql: `${schema}${filled}${triggers}` });
  target = await testDatabase({
    sql: `${schema}${triggers} ALTER TABLE broken ADD CHECK (n > 0) NOT VALID;`,
  });
  live = await connect(source.address, { purpose: 'test', readOnly: true });
  copy = await connect(target.address, { purpose: 'test' });
  context = testContext();
});

afterEach(async () => {
  await live.close();
  await copy.close();
  await source.drop();
  await target.drop();
});

async function sample(most: number): Promise<string> {
  await sampleRows(context, {
    live,
    copy,
    most,
    reporter: { progress: () => {}, summary: () => {} },
  });
  return context.events.flatMap((event) => (event.kind === 'note' ? [event.text] : [])).join('\n');
}

async function rowsOf(table: string): Promise<number> {
  const { rows } = await copy.one<{ rows: number }>(`SELECT count(*)::int AS rows FROM ${table}`);
  return rows;
}

it('takes at most so many rows of each table, and every foreign key holds', async () => {
  await sample(100);
  for (const table of ['orders', 'events']) expect(await rowsOf(table)).toBe(100);
  for (const table of ['"select"', 'users', 'teams']) {
    const rows = await rowsOf(table);
    expect(rows).toBeGreaterThan(0);
    expect(rows).toBeLessThanOrEqual(100);
  }
  // The server itself looks at all rows.
  await copy.execute(`
    ALTER TABLE "select" ADD CONSTRAINT again FOREIGN KEY (boss) REFERENCES "select";
    ALTER TABLE users ADD CONSTRAINT again FOREIGN KEY (team) REFERENCES teams;
    ALTER TABLE teams ADD CONSTRAINT again FOREIGN KEY (captain) REFERENCES users;
    ALTER TABLE orders ADD CONSTRAINT again FOREIGN KEY (region, user_id) REFERENCES users (region, id);
    ALTER TABLE events ADD CONSTRAINT again FOREIGN KEY (order_id) REFERENCES orders;`);
});

it('takes every value as it is, and the numbers that come next', async () => {
  await sample(50);
  const odd = 'SELECT o::text AS row FROM odd o ORDER BY 1';
  expect(await copy.query(odd)).toEqual(await live.query(odd));
  const [order] = await copy.query<{ id: number }>('SELECT * FROM orders LIMIT 1');
  expect([order]).toEqual(await live.query('SELECT * FROM orders WHERE id = $1', [order?.id]));
  expect(await copy.one("SELECT nextval('orders_id_seq')::int AS next")).toEqual({ next: 20_001 });
});

it('says which tables have no rows and why, and which rows a key has cost', async () => {
  await using administrator = await connect(source.address, { purpose: 'test' });
  await administrator.execute(`
    CREATE ROLE sample_reader;
    GRANT SELECT ON ALL TABLES IN SCHEMA public TO sample_reader;
    REVOKE ALL ON secrets FROM sample_reader`);
  try {
    await live.execute('SET ROLE sample_reader');
    const notes = await sample(100);
    expect(notes).toContain('The copy has no rows of public.secrets: permission denied');
    expect(notes).toContain('The copy has no rows of public.broken: new row for relation "broken"');
    expect(notes).toContain(
      'Rows of public.users that were left out, because users_team wants others that are not in the sample: 1.',
    );
    expect(await rowsOf('orders')).toBe(100);
  } finally {
    await administrator.execute('DROP OWNED BY sample_reader; DROP ROLE sample_reader');
  }
});

it('reads in a session that may not write', async () => {
  await sample(10);
  await expect(live.execute('CREATE TABLE x ()')).rejects.toThrow(/read-only/);
});
