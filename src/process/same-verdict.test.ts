import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { testProject } from '../../test/project.ts';
import type { RehearsalReport } from '../rehearsal/report.ts';
import { backUpEnvironment } from './backing-up.ts';
import { rehearseChange } from './rehearsals.ts';

const given = `
  CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL, note text, age int);
  INSERT INTO users SELECT i, i || '@example.org', 'note', i % 80 FROM generate_series(1, 20000) i;
  CREATE INDEX users_6 ON users (age, email); CREATE INDEX users_5 ON users (note);
  CREATE INDEX users_4 ON users (email); CREATE INDEX users_3 ON users (age, note);
  CREATE INDEX users_2 ON users (email, age); CREATE INDEX users_1 ON users (note, age);
  CREATE TABLE orders (id int PRIMARY KEY, user_id int, total numeric, payload text);
  INSERT INTO orders SELECT i, i % 20000 + 1, i, repeat('x', 3000) FROM generate_series(1, 2000) i;
  CREATE VIEW adults AS SELECT email, age FROM users WHERE age >= 18;
  CREATE FUNCTION mail_of(wanted int) RETURNS text LANGUAGE sql AS
    'SELECT email FROM users WHERE id = wanted';`;

const migrations = {
  '001_users': `
    ALTER TABLE users ADD COLUMN tier text DEFAULT 'free';
    CREATE INDEX users_age ON users (age);
    UPDATE users SET age = age + 1 WHERE id % 3 = 0;
    ALTER TABLE users ALTER COLUMN id TYPE bigint;
    DO $$ BEGIN EXECUTE 'DELETE FROM orders WHERE id <= 20'; END $$;`,
  '002_orders': `
    ALTER TABLE orders ADD CONSTRAINT orders_user FOREIGN KEY (user_id) REFERENCES users;
    ALTER TABLE users DROP COLUMN note, ALTER COLUMN age SET NOT NULL;
    CREATE TABLE audit (id bigserial PRIMARY KEY, what text);
    INSERT INTO audit (what) SELECT email FROM users LIMIT 500;
    TRUNCATE audit;`,
  '003_outside': 'CREATE INDEX CONCURRENTLY orders_user_id ON orders (user_id);',
  '004_values': `
    -- drydock: batch size=700
    UPDATE users SET tier = 'gold' WHERE age > 60;`,
  '005_code': `
    DROP VIEW adults CASCADE;
    ALTER TABLE orders RENAME COLUMN payload TO body;`,
};

const queries = `
  SELECT email, note FROM users WHERE id = $1;
  SELECT * FROM orders WHERE user_id = $1;
  INSERT INTO orders (id, user_id, payload) VALUES ($1, $2, $3);
  SELECT count(*) FROM users WHERE age > $1;`;

it('the same plan, backup and version give the same verdict', async () => {
  await using project = await testProject({ dev: { budget: { blocksFor: '1h' } } }, given);
  for (const [name, sql] of Object.entries(migrations)) project.write(name, sql);
  const file = join(project.config.root, 'queries.sql');
  await writeFile(file, queries);
  await backUpEnvironment(project, { environment: 'dev', reason: 'test' });
  const rehearsal = (): Promise<RehearsalReport> =>
    rehearseChange(project, { environment: 'dev', queries: file });
  const [first, second] = [await rehearsal(), await rehearsal()];
  expect(verdictOf(first)).toMatchObject({ wayBack: { label: 'reversible with loss' } });
  expect(verdictOf(second)).toEqual(verdictOf(first));
});

/** The report without the figures that carry their conditions: times, and what is reckoned from them. */
function verdictOf(report: RehearsalReport): RehearsalReport {
  const isCondition = (key: string): boolean =>
    /^(ms|\w+Ms|startedAt|endedAt|perSecond|\w+PerSecond|waiting|walBytes|diskBytes|freeDiskBytes)$/.test(
      key,
    );
  return JSON.parse(JSON.stringify(report), (key, value: unknown) => {
    if (isCondition(key)) return undefined;
    return typeof value === 'string'
      ? value.replaceAll(/ for [\d.]+ m?s\b/g, ' for a time')
      : value;
  }) as RehearsalReport;
}
