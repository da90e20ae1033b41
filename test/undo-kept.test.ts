// What a kept plan must not trip: the next rehearsal, rows of partitions, unique rules for which NULL is a value.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { rehearseChange } from '../src/process/rehearsals.ts';
import { keptDatabase } from './kept-database.ts';
import { undoProject } from './undo-project.ts';

it('a rehearsal on the schema alone does not trip over what is kept', async () => {
  await using one = await undoProject(`
    CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, age int CHECK (age > 0));
    CREATE TABLE old (id int PRIMARY KEY, user_id int REFERENCES users);
    CREATE VIEW names AS SELECT name FROM users;
    INSERT INTO users SELECT n, 'n' || n, n FROM generate_series(1, 20) n`);
  await one.apply(
    'BEGIN; UPDATE users SET age = 5; ALTER TABLE users DROP COLUMN name CASCADE, DROP COLUMN age; DROP TABLE old; COMMIT;',
  );
  const next = join(one.project.config.migrations, '002_next.sql');
  writeFileSync(next, '-- Next.\nALTER TABLE users DROP COLUMN IF EXISTS id CASCADE;\n');
  const report = await rehearseChange(one.project, {
    environment: 'live',
    from: 'schema',
    rows: 10,
  });
  expect(report.outcome).toBe('done');
  expect(report.wayBack).toMatchObject({ label: 'reversible', reasons: [] });
});

const partitioned = `
  CREATE TABLE events (day int, id int, what text, PRIMARY KEY (day, id)) PARTITION BY RANGE (day);
  CREATE TABLE events_early PARTITION OF events FOR VALUES FROM (0) TO (5);
  CREATE TABLE events_late PARTITION OF events FOR VALUES FROM (5) TO (10);
  INSERT INTO events SELECT n % 10, n, 'e' || n FROM generate_series(1, 40) n`;
const events = 'SELECT tableoid::regclass::text AS place, day, id, what FROM events ORDER BY id';

it('rows that the migration moves to another partition, back and forth, come back', async () => {
  await using one = await keptDatabase(partitioned);
  const before = await one.run(events);
  await one.apply(`BEGIN; UPDATE events SET day = (day + 5) % 10 WHERE id <= 20; UPDATE events SET what = 'spoilt';
    UPDATE events SET day = (day + 5) % 10 WHERE id <= 10; UPDATE events_late SET what = 'late'; COMMIT;`);
  expect(await one.run(events)).not.toEqual(before);
  expect(await one.undo()).toEqual([]);
  expect(await one.run(events)).toEqual(before);
});

it('a unique rule for which NULL is a value is dropped with its column, and comes back', async (context) => {
  await using one = await keptDatabase('SELECT 1');
  const [server] = await one.run<{ version: number }>(
    "SELECT current_setting('server_version_num')::int AS version",
  );
  context.skip((server?.version ?? 0) < 150_000, 'NULLS NOT DISTINCT came with PostgreSQL 15');
  await one.run(`CREATE TABLE users (id int PRIMARY KEY, email text, code int,
      CONSTRAINT one_email UNIQUE NULLS NOT DISTINCT (email));
    CREATE UNIQUE INDEX one_code ON users (code) NULLS NOT DISTINCT;
    INSERT INTO users SELECT n, 'e' || n, n FROM generate_series(1, 20) n`);
  const before = await one.facts();
  await one.apply('ALTER TABLE users DROP COLUMN email, DROP COLUMN code;');
  // Each of them has NULL in what is put aside.
  await one.run('INSERT INTO users VALUES (101)');
  await one.run('INSERT INTO users VALUES (102)');
  // Both have NULL under the old rule too, which forbids that: a person decides.
  await expect(one.undo()).rejects.toThrow('could not create unique index');
  await one.run('DELETE FROM users WHERE id = 102');
  expect(await one.undo()).toEqual([]);
  expect(await one.facts()).toEqual(before);
});
