// Kinds of statement, each with what a server does for it. The same on PostgreSQL 14 to 18 unless a
// row says otherwise: script/matrix runs the table on all of them, a test on those that are here.

/** The schema and rows that every kind starts from. */
export const given = `
  CREATE DOMAIN positive AS int CHECK (VALUE > 0);
  CREATE DOMAIN plain AS int;
  CREATE TYPE mood AS ENUM ('sad', 'happy');
  CREATE TABLE users (id int PRIMARY KEY, name varchar(20), age int, amount numeric(10, 2),
    feeling mood, score positive);
  INSERT INTO users SELECT i, 'user ' || i, i % 90, i, 'happy', i FROM generate_series(1, 1000) i;
  CREATE INDEX users_name ON users (name);
  CREATE TABLE orders (id int PRIMARY KEY, user_id int, total int,
    CONSTRAINT orders_user FOREIGN KEY (user_id) REFERENCES users);
  INSERT INTO orders SELECT i, i % 1000 + 1, i FROM generate_series(1, 2000) i;
  CREATE TABLE notes (id int, body text, author int);
  INSERT INTO notes SELECT i, 'note ' || i, i FROM generate_series(1, 500) i;
  ALTER TABLE notes ADD CONSTRAINT notes_body CHECK (body IS NOT NULL);
  ALTER TABLE notes ADD CONSTRAINT notes_short CHECK (length(body) < 100) NOT VALID;
  ALTER TABLE notes ADD CONSTRAINT notes_author FOREIGN KEY (author) REFERENCES users NOT VALID;
  CREATE UNIQUE INDEX notes_id ON notes (id);
  CREATE TABLE events (id int, day date NOT NULL) PARTITION BY RANGE (day);
  CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
  INSERT INTO events SELECT i, date '2026-01-01' + i % 31 FROM generate_series(1, 300) i;
  CREATE TABLE events_2 (id int, day date NOT NULL);
  INSERT INTO events_2 SELECT i, date '2026-02-01' + i % 28 FROM generate_series(1, 200) i;
  CREATE TABLE events_3 (id int, day date NOT NULL,
    CHECK (day >= '2026-03-01' AND day < '2026-04-01'));
  INSERT INTO events_3 SELECT i, date '2026-03-01' FROM generate_series(1, 100) i;
  CREATE MATERIALIZED VIEW totals AS SELECT user_id, sum(total) AS total FROM orders GROUP BY 1;
  CREATE VIEW named AS SELECT author FROM notes;
  CREATE UNLOGGED TABLE scratch (id int);
  INSERT INTO scratch SELECT generate_series(1, 100);
  CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
  CREATE FUNCTION widen() RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN ALTER TABLE users ALTER COLUMN id TYPE bigint; END $$;
  ANALYZE;`;

/** One kind of statement. */
export interface StatementKind {
  /** What people do, in a few words. */
  readonly what: string;
  /** The last statement is the one whose facts are told. */
  readonly sql: string;
  readonly facts: readonly string[];
  /** Facts of servers from this major on, where they differ. */
  readonly since?: readonly [major: number, facts: readonly string[]];
}

// What every rewrite of users does: each of its two indexes is built from all rows.
const usersAnew = [
  'ACCESS EXCLUSIVE on users',
  'rewrites users',
  'reads 3000 rows of users',
  'builds users_name on users',
  'builds users_pkey on users',
];

// A new type for users.id: the keys that lead to it are checked too.
const keyAnew = [
  'ACCESS EXCLUSIVE on notes',
  'ACCESS EXCLUSIVE on orders',
  'ACCESS EXCLUSIVE on users',
  'rewrites users',
  'reads 2000 rows of orders',
  'reads 4000 rows of users',
  'builds users_name on users',
  'builds users_pkey on users',
  'checks key orders_user',
];

const usersChecked = [
  'ACCESS EXCLUSIVE on users',
  'reads 1000 rows of users',
  'checks the rows of users',
];

export const statementKinds: readonly StatementKind[] = [
  {
    what: 'add a column',
    sql: 'ALTER TABLE users ADD COLUMN a int',
    facts: ['ACCESS EXCLUSIVE on users'],
  },
  {
    what: 'add a column with a constant default',
    sql: "ALTER TABLE users ADD COLUMN a text DEFAULT 'x'",
    facts: ['ACCESS EXCLUSIVE on users'],
  },
  {
    what: 'add a column with a volatile default',
    sql: 'ALTER TABLE users ADD COLUMN a float DEFAULT random()',
    facts: usersAnew,
  },
  {
    what: 'add a serial column',
    sql: 'ALTER TABLE users ADD COLUMN a serial',
    facts: usersAnew,
  },
  {
    what: 'add an identity column',
    sql: 'ALTER TABLE users ADD COLUMN a int GENERATED ALWAYS AS IDENTITY',
    facts: usersAnew,
  },
  {
    what: 'add a stored generated column',
    sql: 'ALTER TABLE users ADD COLUMN a int GENERATED ALWAYS AS (age * 2) STORED',
    facts: usersAnew,
  },
  {
    what: 'add a column of a domain with a constraint',
    sql: 'ALTER TABLE users ADD COLUMN a positive',
    facts: usersAnew,
  },
  {
    what: 'add a column with a check',
    sql: 'ALTER TABLE users ADD COLUMN a int CHECK (a > 0)',
    facts: usersChecked,
  },
  {
    what: 'add a unique column',
    sql: 'ALTER TABLE users ADD COLUMN a int UNIQUE',
    facts: ['ACCESS EXCLUSIVE on users', 'reads 1000 rows of users', 'builds users_a_key on users'],
  },
  {
    what: 'add a column that references',
    sql: 'ALTER TABLE orders ADD COLUMN a int REFERENCES users',
    facts: ['ACCESS EXCLUSIVE on orders', 'SHARE ROW EXCLUSIVE on users'],
  },
  {
    what: 'add a check',
    sql: 'ALTER TABLE users ADD CONSTRAINT c CHECK (age < 200)',
    facts: usersChecked,
  },
  {
    what: 'add a check, not valid',
    sql: 'ALTER TABLE users ADD CONSTRAINT c CHECK (age < 200) NOT VALID',
    facts: ['ACCESS EXCLUSIVE on users'],
  },
  {
    what: 'validate a check',
    sql: 'ALTER TABLE notes VALIDATE CONSTRAINT notes_short',
    facts: [
      'SHARE UPDATE EXCLUSIVE on notes',
      'reads 500 rows of notes',
      'checks the rows of notes',
    ],
  },
  {
    what: 'add a foreign key',
    sql: 'ALTER TABLE events_2 ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES users',
    facts: [
      'SHARE ROW EXCLUSIVE on events_2',
      'SHARE ROW EXCLUSIVE on users',
      'reads 1000 rows of users',
      'reads 200 rows of events_2',
      'checks key f',
    ],
    since: [
      16,
      [
        'SHARE ROW EXCLUSIVE on events_2',
        'SHARE ROW EXCLUSIVE on users',
        'reads 200 rows of events_2',
        'checks key f',
      ],
    ],
  },
  {
    what: 'add a foreign key, not valid',
    sql: 'ALTER TABLE events_2 ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES users NOT VALID',
    facts: ['SHARE ROW EXCLUSIVE on events_2', 'SHARE ROW EXCLUSIVE on users'],
  },
  {
    what: 'validate a foreign key',
    sql: 'ALTER TABLE notes VALIDATE CONSTRAINT notes_author',
    facts: [
      'SHARE UPDATE EXCLUSIVE on notes',
      'reads 1000 rows of users',
      'reads 500 rows of notes',
      'checks key notes_author',
    ],
  },
  {
    what: 'drop a foreign key',
    sql: 'ALTER TABLE orders DROP CONSTRAINT orders_user',
    facts: ['ACCESS EXCLUSIVE on orders', 'ACCESS EXCLUSIVE on users'],
  },
  {
    what: 'add a unique constraint',
    sql: 'ALTER TABLE users ADD CONSTRAINT u UNIQUE (id, name)',
    facts: ['ACCESS EXCLUSIVE on users', 'reads 1000 rows of users', 'builds u on users'],
  },
  {
    what: 'add a primary key by an index',
    sql: 'ALTER TABLE notes ADD CONSTRAINT p PRIMARY KEY USING INDEX notes_id',
    facts: ['ACCESS EXCLUSIVE on notes', 'reads 500 rows of notes', 'checks the rows of notes'],
  },
  {
    what: 'add an exclusion constraint',
    sql: 'ALTER TABLE users ADD CONSTRAINT e EXCLUDE (id WITH =)',
    facts: ['ACCESS EXCLUSIVE on users', 'reads 2000 rows of users', 'builds e on users'],
  },
  {
    what: 'set NOT NULL',
    sql: 'ALTER TABLE users ALTER COLUMN name SET NOT NULL',
    facts: usersChecked,
  },
  {
    what: 'set NOT NULL where a check proves it',
    sql: 'ALTER TABLE notes ALTER COLUMN body SET NOT NULL',
    facts: ['ACCESS EXCLUSIVE on notes', 'need not check NOT NULL of notes.body'],
  },
  {
    what: 'change a type with a rewrite',
    sql: 'ALTER TABLE users ALTER COLUMN id TYPE bigint',
    facts: keyAnew,
  },
  {
    what: 'change a type without a rewrite',
    sql: 'ALTER TABLE users ALTER COLUMN name TYPE varchar(40)',
    facts: ['ACCESS EXCLUSIVE on users'],
  },
  {
    what: 'change a collation',
    sql: 'ALTER TABLE users ALTER COLUMN name TYPE varchar(20) COLLATE "C"',
    facts: ['ACCESS EXCLUSIVE on users', 'reads 1000 rows of users', 'builds users_name on users'],
  },
  {
    what: 'rename a column',
    sql: 'ALTER TABLE users RENAME COLUMN name TO called',
    facts: ['ACCESS EXCLUSIVE on users'],
  },
  {
    what: 'rename a table',
    sql: 'ALTER TABLE notes RENAME TO remarks',
    facts: ['ACCESS EXCLUSIVE on notes'],
  },
  {
    what: 'drop a column with an index',
    sql: 'ALTER TABLE notes DROP COLUMN id',
    facts: ['ACCESS EXCLUSIVE on notes', 'drops index public.notes_id'],
  },
  {
    what: 'drop a table',
    sql: 'DROP TABLE orders CASCADE',
    facts: [
      'ACCESS EXCLUSIVE on orders',
      'ACCESS EXCLUSIVE on totals',
      'ACCESS EXCLUSIVE on users',
      'drops materialized view public.totals',
    ],
  },
  {
    what: 'drop a type with cascade',
    sql: 'DROP TYPE mood CASCADE',
    facts: ['ACCESS EXCLUSIVE on users', 'drops table column public.users.feeling'],
  },
  {
    what: 'truncate',
    sql: 'TRUNCATE notes',
    facts: ['ACCESS EXCLUSIVE on notes', 'empties notes'],
  },
  {
    what: 'truncate with cascade',
    sql: 'TRUNCATE users CASCADE',
    facts: [
      'ACCESS EXCLUSIVE on notes',
      'ACCESS EXCLUSIVE on orders',
      'ACCESS EXCLUSIVE on users',
      'empties notes',
      'empties orders',
      'empties users',
    ],
  },
  {
    what: 'create an index',
    sql: 'CREATE INDEX i ON users (age)',
    facts: ['SHARE on users', 'reads 1000 rows of users', 'builds i on users'],
  },
  {
    what: 'create an index on a partitioned table',
    sql: 'CREATE INDEX i ON events (id)',
    facts: [
      'SHARE on events',
      'SHARE on events_1',
      'reads 300 rows of events_1',
      'builds events_1_id_idx on events_1',
    ],
  },
  {
    what: 'create an index concurrently',
    sql: 'CREATE INDEX CONCURRENTLY i ON users (age)',
    facts: ['SHARE UPDATE EXCLUSIVE on users', 'builds i on users'],
  },
  { what: 'drop an index', sql: 'DROP INDEX users_name', facts: ['ACCESS EXCLUSIVE on users'] },
  {
    what: 'drop an index concurrently',
    sql: 'DROP INDEX CONCURRENTLY users_name',
    facts: ['SHARE UPDATE EXCLUSIVE on users'],
  },
  {
    what: 'reindex',
    sql: 'REINDEX INDEX users_name',
    facts: [
      'ACCESS EXCLUSIVE on users_name',
      'SHARE on users',
      'reads 1000 rows of users',
      'builds users_name on users',
    ],
  },
  {
    what: 'reindex concurrently',
    sql: 'REINDEX INDEX CONCURRENTLY users_name',
    facts: ['SHARE UPDATE EXCLUSIVE on users', 'builds users_name_ccnew on users'],
  },
  {
    what: 'vacuum full',
    sql: 'VACUUM FULL users',
    facts: [
      'ACCESS EXCLUSIVE on users',
      'rewrites users',
      'builds users_name on users',
      'builds users_pkey on users',
    ],
  },
  {
    what: 'cluster',
    sql: 'CLUSTER users USING users_name',
    facts: [
      'ACCESS EXCLUSIVE on users',
      'rewrites users',
      'reads 2000 rows of users',
      'builds users_name on users',
      'builds users_pkey on users',
    ],
  },
  {
    what: 'set unlogged',
    sql: 'ALTER TABLE notes SET UNLOGGED',
    facts: [
      'ACCESS EXCLUSIVE on notes',
      'rewrites notes',
      'reads 1000 rows of notes',
      'builds notes_id on notes',
    ],
  },
  {
    what: 'refresh a materialized view',
    sql: 'REFRESH MATERIALIZED VIEW totals',
    facts: [
      'ACCESS EXCLUSIVE on totals',
      'rewrites totals',
      'reads 2000 rows of orders',
      'changes totals: +1000 ~0 -0',
    ],
  },
  {
    what: 'make a partition',
    sql: "CREATE TABLE events_4 PARTITION OF events FOR VALUES FROM ('2026-04-01') TO ('2026-05-01')",
    facts: ['ACCESS EXCLUSIVE on events'],
  },
  {
    what: 'attach a partition',
    sql: "ALTER TABLE events ATTACH PARTITION events_2 FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')",
    facts: [
      'ACCESS EXCLUSIVE on events_2',
      'SHARE UPDATE EXCLUSIVE on events',
      'reads 200 rows of events_2',
      'checks the rows of events_2',
    ],
  },
  {
    what: 'attach a partition whose check proves the bounds',
    sql: "ALTER TABLE events ATTACH PARTITION events_3 FOR VALUES FROM ('2026-03-01') TO ('2026-04-01')",
    facts: [
      'ACCESS EXCLUSIVE on events_3',
      'SHARE UPDATE EXCLUSIVE on events',
      'need not check the bounds of events_3',
    ],
  },
  {
    what: 'detach a partition',
    sql: 'ALTER TABLE events DETACH PARTITION events_1',
    facts: ['ACCESS EXCLUSIVE on events', 'ACCESS EXCLUSIVE on events_1'],
  },
  {
    what: 'detach a partition concurrently',
    sql: 'ALTER TABLE events DETACH PARTITION events_1 CONCURRENTLY',
    facts: ['ACCESS EXCLUSIVE on events_1', 'SHARE UPDATE EXCLUSIVE on events'],
  },
  {
    what: 'constrain a domain',
    sql: 'ALTER DOMAIN positive ADD CONSTRAINT small CHECK (VALUE < 5000)',
    facts: ['SHARE on users', 'reads 1000 rows of users'],
  },
  {
    what: 'create a trigger',
    sql: 'CREATE TRIGGER t BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch()',
    facts: ['SHARE ROW EXCLUSIVE on users'],
  },
  {
    what: 'enable row security',
    sql: 'ALTER TABLE users ENABLE ROW LEVEL SECURITY',
    facts: ['ACCESS EXCLUSIVE on users'],
  },
  {
    what: 'replace a view',
    sql: 'CREATE OR REPLACE VIEW named AS SELECT author FROM notes WHERE author > 0',
    facts: ['ACCESS EXCLUSIVE on named'],
  },
  { what: 'lock a table', sql: 'LOCK TABLE users IN SHARE MODE', facts: ['SHARE on users'] },
  {
    what: 'create a table that references',
    sql: 'CREATE TABLE teachers (user_id int REFERENCES users)',
    facts: ['SHARE ROW EXCLUSIVE on users'],
  },
  {
    what: 'update every row',
    sql: 'UPDATE users SET age = age + 1',
    facts: ['ROW EXCLUSIVE on users', 'reads 1000 rows of users', 'changes users: +0 ~1000 -0'],
  },
  {
    what: 'delete some rows',
    sql: 'DELETE FROM orders WHERE id <= 40',
    facts: ['ROW EXCLUSIVE on orders', 'changes orders: +0 ~0 -40'],
  },
  {
    what: 'insert from a query',
    sql: 'INSERT INTO scratch SELECT id FROM users',
    facts: ['ROW EXCLUSIVE on scratch', 'reads 1000 rows of users', 'changes scratch: +1000 ~0 -0'],
  },
  {
    what: 'rewrite inside a DO block',
    sql: "DO $$ BEGIN EXECUTE 'ALTER TABLE users ALTER COLUMN id TYPE bigint'; END $$",
    facts: keyAnew,
  },
  {
    what: 'rewrite inside a function',
    sql: 'SELECT widen()',
    facts: keyAnew,
  },
  {
    what: 'update in batches that commit',
    sql: 'DO $$ BEGIN FOR i IN 0..1 LOOP UPDATE users SET age = 1 WHERE id % 2 = i; PERFORM pg_sleep(0.05); COMMIT; END LOOP; END $$',
    facts: ['ROW EXCLUSIVE on users'],
  },
  {
    what: 'sort on disk',
    sql: "SET LOCAL work_mem = '64kB'; CREATE TABLE sorted AS SELECT g::text AS name FROM generate_series(1, 30000) g ORDER BY 1",
    facts: ['changes sorted: +30000 ~0 -0', 'writes temporary files'],
  },
];
