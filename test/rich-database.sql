-- A database with one of everything that dumps and comparisons stumble over.
CREATE SCHEMA "Odd Schema";
CREATE SCHEMA reporting;
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA reporting;

CREATE TYPE mood AS ENUM ('calm', 'it''s "fine"', 'between', 'wild');
CREATE DOMAIN email AS varchar(255) CONSTRAINT has_at CHECK (value LIKE '%@%');
CREATE TYPE address AS (street text, town varchar(80));
CREATE TYPE span AS RANGE (subtype = float8);
CREATE COLLATION plain (locale = 'C');

CREATE FUNCTION public.shout(word text) RETURNS text LANGUAGE sql IMMUTABLE
  SET search_path = '' AS $$ SELECT pg_catalog.upper(word) || '!' $$;
CREATE FUNCTION public.add_up(state bigint, value int) RETURNS bigint LANGUAGE sql IMMUTABLE
  AS 'SELECT state + value';
CREATE AGGREGATE public.total (int) (SFUNC = public.add_up, STYPE = bigint, INITCOND = '0');
CREATE PROCEDURE reporting.tidy(INOUT n int DEFAULT 1) LANGUAGE plpgsql AS 'BEGIN n := n + 1; END';
CREATE OPERATOR public.@@@ (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_catalog.textcat);

CREATE TABLE users (
  user_id varchar(255) PRIMARY KEY,
  doomed int,
  email email UNIQUE,
  status varchar(20) NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'it''s [old]', 'gone')),
  feeling mood DEFAULT 'calm',
  home address,
  tags text[] DEFAULT '{}'::text[],
  shouted text GENERATED ALWAYS AS (public.shout(status::text)) STORED,
  name text COLLATE plain,
  created_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE users DROP COLUMN doomed;
ALTER TABLE users ADD COLUMN age int, ADD CONSTRAINT grown CHECK (age > 0 AND (age < 150 OR status IN ('x', 'y'))) NOT VALID;
ALTER TABLE users ALTER COLUMN name SET STATISTICS 200, ALTER COLUMN tags SET STORAGE EXTERNAL;
CREATE INDEX users_status ON users (status) WHERE status IN ('new', 'gone');
CREATE INDEX users_lower ON users (lower(name) text_pattern_ops) INCLUDE (age) WITH (fillfactor = 80);
CREATE INDEX users_name_trigrams ON users USING gin (name reporting.gin_trgm_ops);
CREATE STATISTICS users_together (dependencies) ON status, age FROM users;
ALTER TABLE users SET (autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON TABLE users IS 'people, it''s said';
COMMENT ON COLUMN users.email IS 'verified';

CREATE TABLE "Odd Schema"."Odd ""Table""" (
  "Key Column" int GENERATED ALWAYS AS IDENTITY (START 100 INCREMENT 5) PRIMARY KEY,
  "select" text,
  "user" varchar(255) REFERENCES users ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
CREATE SEQUENCE "Odd Schema"."A Sequence" INCREMENT -2 MAXVALUE 1000 START 1000 CACHE 5;
CREATE TABLE serials (id serial PRIMARY KEY, big bigserial, note text);

-- A circle of foreign keys.
CREATE TABLE chicken (id int PRIMARY KEY, egg int);
CREATE TABLE egg (id int PRIMARY KEY, chicken int REFERENCES chicken);
ALTER TABLE chicken ADD FOREIGN KEY (egg) REFERENCES egg DEFERRABLE;

CREATE TABLE events (at date NOT NULL, kind text NOT NULL, body jsonb, n int) PARTITION BY RANGE (at);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY LIST (kind);
CREATE TABLE events_2024_a PARTITION OF events_2024 FOR VALUES IN ('a');
CREATE TABLE events_2024_rest PARTITION OF events_2024 DEFAULT;
CREATE TABLE events_2025 (n int, kind text NOT NULL, at date NOT NULL, body jsonb);
ALTER TABLE events ATTACH PARTITION events_2025 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE INDEX events_kind ON events (kind);
ALTER TABLE events ADD PRIMARY KEY (at, kind);
CREATE TABLE event_notes (id int PRIMARY KEY, at date, kind text, FOREIGN KEY (at, kind) REFERENCES events);

CREATE TABLE parent (a int, b text);
CREATE TABLE child (c int) INHERITS (parent);
CREATE UNLOGGED TABLE fleeting (id int);
CREATE TABLE empty_one (id int);

CREATE TABLE secrets (id int PRIMARY KEY, owner text);
ALTER TABLE secrets ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON secrets FOR SELECT TO PUBLIC USING (owner = current_user);

CREATE VIEW grown_users AS SELECT user_id, upper(name) AS name FROM users WHERE status IN ('new', 'gone') AND age > 17;
CREATE VIEW counted WITH (security_barrier) AS SELECT count(*) AS n FROM grown_users;
CREATE MATERIALIZED VIEW reporting.moods AS SELECT feeling, count(*) FROM users GROUP BY feeling;
CREATE UNIQUE INDEX moods_feeling ON reporting.moods (feeling);
CREATE MATERIALIZED VIEW reporting.moods_again AS SELECT * FROM reporting.moods WITH NO DATA;
CREATE RULE no_delete AS ON DELETE TO parent DO INSTEAD NOTHING;

CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touched BEFORE UPDATE ON users FOR EACH ROW WHEN (OLD.status IN ('new', 'old')) EXECUTE FUNCTION touch();
CREATE TRIGGER sleeping AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE users DISABLE TRIGGER touched;
CREATE FUNCTION public.watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER watcher ON ddl_command_end EXECUTE FUNCTION watch();
CREATE PUBLICATION outward FOR TABLE users, "Odd Schema"."Odd ""Table""";

GRANT SELECT, UPDATE (name) ON users TO PUBLIC;
REVOKE EXECUTE ON FUNCTION shout(text) FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA reporting GRANT SELECT ON TABLES TO PUBLIC;

INSERT INTO users (user_id, email, name, age, home, feeling)
  SELECT 'u' || n, 'u' || n || '@example.org', CASE WHEN n % 7 > 0 THEN 'Näme ' || n END, 1 + n % 90,
         ROW('Street ' || n, 'Town')::address, (ARRAY['calm', 'wild', 'between']::mood[])[1 + n % 3]
    FROM generate_series(1, 500) n;
INSERT INTO "Odd Schema"."Odd ""Table""" ("select", "user") SELECT 'row ' || n, 'u' || n FROM generate_series(1, 40) n;
INSERT INTO serials (note) SELECT 'note ' || n FROM generate_series(1, 30) n;
SELECT nextval('"Odd Schema"."A Sequence"');
INSERT INTO chicken VALUES (1, NULL), (2, NULL);
INSERT INTO egg VALUES (1, 1), (2, 2);
UPDATE chicken SET egg = id;
INSERT INTO events SELECT DATE '2024-06-01' + n, (ARRAY['a', 'b'])[1 + n % 2], '{"n": 1}', n FROM generate_series(1, 400) n;
INSERT INTO event_notes SELECT n, at, kind FROM events WHERE n < 20;
INSERT INTO parent VALUES (1, 'p');
INSERT INTO child VALUES (2, 'c', 3), (4, 'd', 5);
INSERT INTO fleeting VALUES (1);
INSERT INTO secrets VALUES (1, 'somebody');
SELECT lo_from_bytea(0, 'a large object'), lo_from_bytea(0, 'another');
REFRESH MATERIALIZED VIEW reporting.moods;
