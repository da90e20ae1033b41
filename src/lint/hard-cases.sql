-- Files that linters get wrong, each with what is right, as measured on a server: what is named at
-- warning or above, in order, and the SQLSTATE where the server refuses it. Read by accuracy.test.ts.
-- Every case starts from rules/given.sql.

-- case: CREATE TABLE IF NOT EXISTS … AS proves nothing
-- file; finds index-without-concurrently, set-not-null-scans
CREATE TABLE IF NOT EXISTS arch AS SELECT * FROM users;
CREATE INDEX ON arch (id);
ALTER TABLE arch ALTER COLUMN id SET NOT NULL;

-- case: create table with fk to live then index
-- file
CREATE TABLE n (id bigint PRIMARY KEY, u bigint REFERENCES users);
CREATE INDEX n_u ON n (u);

-- case: quoted
-- file
CREATE SCHEMA "My App";
CREATE TABLE "My App"."User.Table" (id int PRIMARY KEY);
ALTER TABLE "My App"."User.Table" ADD COLUMN n int NOT NULL;
CREATE INDEX "i.x" ON "My App"."User.Table" (n);

-- case: quoted existing
-- given
CREATE SCHEMA "My App";
CREATE TABLE "My App"."User.Table" (id int PRIMARY KEY);
-- file; finds index-without-concurrently, drop-index-without-concurrently, work-undone-later, check-without-not-valid
CREATE INDEX "i.x" ON "My App"."User.Table" (id);
DROP INDEX "My App"."i.x";
ALTER TABLE "My App"."User.Table" ADD CONSTRAINT "c ""q""" CHECK (id > 0);

-- case: matview index
-- file
CREATE MATERIALIZED VIEW mv AS SELECT id FROM users;
CREATE UNIQUE INDEX mv_i ON mv (id);
REFRESH MATERIALIZED VIEW CONCURRENTLY mv;

-- case: matview existing idx
-- file; finds index-without-concurrently
CREATE INDEX ot ON order_totals (orders);

-- case: matview with no data
-- file
CREATE MATERIALIZED VIEW mv AS SELECT id FROM users WITH NO DATA;
REFRESH MATERIALIZED VIEW mv;

-- case: proved across files
-- file
ALTER TABLE users ADD CONSTRAINT p CHECK (email IS NOT NULL) NOT VALID;
-- file
ALTER TABLE users VALIDATE CONSTRAINT p;
-- file
ALTER TABLE users ALTER COLUMN email SET NOT NULL;
ALTER TABLE users DROP CONSTRAINT p;

-- case: proved quoted col
-- given
ALTER TABLE users ADD COLUMN "Camel Case" text DEFAULT 'x';
-- file
ALTER TABLE users ADD CONSTRAINT p CHECK ("Camel Case" IS NOT NULL) NOT VALID;
-- file
ALTER TABLE users VALIDATE CONSTRAINT p;
-- file
ALTER TABLE users ALTER "Camel Case" SET NOT NULL;

-- case: proof not (c is null)
-- file
ALTER TABLE users ADD CONSTRAINT p CHECK (NOT (email IS NULL)) NOT VALID;
-- file
ALTER TABLE users VALIDATE CONSTRAINT p;
-- file
ALTER TABLE users ALTER COLUMN email SET NOT NULL;

-- case: proof of lower(c) not null
-- file
ALTER TABLE users ADD CONSTRAINT p CHECK (lower(email) IS NOT NULL) NOT VALID;
-- file
ALTER TABLE users VALIDATE CONSTRAINT p;
-- file; finds set-not-null-scans
ALTER TABLE users ALTER COLUMN email SET NOT NULL;

-- case: proof dropped prior statement
-- file
ALTER TABLE users ADD CONSTRAINT p CHECK (email IS NOT NULL) NOT VALID;
-- file
ALTER TABLE users VALIDATE CONSTRAINT p;
-- file; finds set-not-null-scans
ALTER TABLE users DROP CONSTRAINT p;
ALTER TABLE users ALTER COLUMN email SET NOT NULL;

-- case: inline not null pk set not null
-- file
ALTER TABLE users ALTER COLUMN id SET NOT NULL;

-- case: set not null w add column same
-- file; finds set-not-null-scans
ALTER TABLE users ADD COLUMN z int DEFAULT 1;
ALTER TABLE users ALTER COLUMN z SET NOT NULL;

-- case: add col default now
-- file
ALTER TABLE users ADD COLUMN z timestamptz NOT NULL DEFAULT now(), ADD z2 timestamptz DEFAULT CURRENT_TIMESTAMP, ADD z3 date DEFAULT current_date, ADD z4 text DEFAULT current_user;

-- case: add col default clock
-- file; finds column-with-volatile-default
ALTER TABLE users ADD COLUMN z timestamptz NOT NULL DEFAULT clock_timestamp();

-- case: default gen_random_uuid
-- file; finds column-with-volatile-default
ALTER TABLE users ADD COLUMN z uuid DEFAULT gen_random_uuid();

-- case: default sql fn inlinable volatile
-- given
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
-- file; finds column-with-volatile-default
ALTER TABLE users ADD COLUMN z int DEFAULT f();

-- case: default plpgsql fn
-- given
CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
-- file; finds column-with-volatile-default
ALTER TABLE users ADD COLUMN z int DEFAULT f();

-- case: default plpgsql immutable fn
-- given
CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1; END';
-- file
ALTER TABLE users ADD COLUMN z int DEFAULT f();

-- case: default altered fn to immutable
-- given
CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
ALTER FUNCTION f() IMMUTABLE;
-- file
ALTER TABLE users ADD COLUMN z int DEFAULT f();

-- case: default array / json
-- file
ALTER TABLE users ADD COLUMN z text[] DEFAULT '{}', ADD z2 jsonb NOT NULL DEFAULT '{}'::jsonb, ADD z3 int[] DEFAULT ARRAY[1,2], ADD z4 text DEFAULT 'a' || 'b';

-- case: default interval/timezone
-- file
ALTER TABLE users ADD COLUMN z timestamptz DEFAULT now() + interval '1 day', ADD z2 timestamp DEFAULT (now() AT TIME ZONE 'utc');

-- case: enum array default md5(random)
-- file; finds column-with-volatile-default
ALTER TABLE users ADD COLUMN z text DEFAULT md5(random()::text);

-- case: set default volatile fine
-- file
ALTER TABLE users ALTER COLUMN email SET DEFAULT gen_random_uuid()::text;

-- case: partition tree index
-- given
CREATE TABLE m (id int, d date) PARTITION BY RANGE (d);
CREATE TABLE m_2024 PARTITION OF m FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY LIST (id);
CREATE TABLE m_2024_1 PARTITION OF m_2024 FOR VALUES IN (1);
INSERT INTO m VALUES (1,'2024-02-02');
-- file; finds index-on-partitioned-table
CREATE INDEX m_d ON m (d);

-- case: new partitioned table + partitions + index all new
-- file
CREATE TABLE m (id int, d date) PARTITION BY RANGE (d);
CREATE TABLE m_2024 PARTITION OF m FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE INDEX ON m (d);
ALTER TABLE m ADD PRIMARY KEY (id, d);

-- case: attach new table
-- file
CREATE TABLE readings_2025 (LIKE readings INCLUDING ALL);
ALTER TABLE readings ATTACH PARTITION readings_2025 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');

-- case: attach new table with default
-- file; finds attach-partition-scans
CREATE TABLE e2 (LIKE events INCLUDING ALL);
ALTER TABLE events ATTACH PARTITION e2 FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');

-- case: attach with both proofs
-- file
ALTER TABLE events_rest ADD CONSTRAINT no27 CHECK (happened_on IS NOT NULL AND NOT (happened_on >= '2027-01-01' AND happened_on < '2028-01-01')) NOT VALID;
-- file
ALTER TABLE events_rest VALIDATE CONSTRAINT no27;
-- file
CREATE TABLE e2 (LIKE events INCLUDING ALL);
ALTER TABLE events ATTACH PARTITION e2 FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');

-- case: attach unrelated check
-- file
ALTER TABLE readings_2023 ADD CONSTRAINT pos CHECK (value > -1) NOT VALID;
-- file
ALTER TABLE readings_2023 VALIDATE CONSTRAINT pos;
-- file; finds attach-partition-scans
ALTER TABLE readings ATTACH PARTITION readings_2023 FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');

-- case: attach proof added not valid
-- file
ALTER TABLE readings_2023 ADD CONSTRAINT b CHECK (taken_on >= '2023-01-01' AND taken_on < '2024-01-01') NOT VALID;
-- file; finds attach-partition-scans
ALTER TABLE readings ATTACH PARTITION readings_2023 FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');

-- case: detach conc
-- file
ALTER TABLE readings DETACH PARTITION readings_2024 CONCURRENTLY;

-- case: detach conc with default
-- file; finds detach-partition-without-concurrently; fails 55000
ALTER TABLE events DETACH PARTITION events_2024 CONCURRENTLY;

-- case: drop partition
-- file; finds drop-table
DROP TABLE IF EXISTS readings_2024;

-- case: drop default partition tree
-- file; finds drop-table
DROP TABLE IF EXISTS events_2024;

-- case: truncate partition
-- file; finds truncate
TRUNCATE events_2024;

-- case: truncate parent
-- file; finds truncate
TRUNCATE TABLE ONLY orders, audit;

-- case: set not null on partition parent
-- file; finds set-not-null-scans
ALTER TABLE events ALTER COLUMN user_id SET NOT NULL;

-- case: add check on parent
-- file; finds check-without-not-valid
ALTER TABLE events ADD CHECK (id > 0);

-- case: fk to partitioned
-- given
CREATE TABLE pp (id int PRIMARY KEY) PARTITION BY HASH (id);
CREATE TABLE pp0 PARTITION OF pp FOR VALUES WITH (MODULUS 1, REMAINDER 0);
-- file; finds foreign-key-without-index
ALTER TABLE users ADD CONSTRAINT upp FOREIGN KEY (age) REFERENCES pp (id) NOT VALID;

-- case: drop index partitioned
-- given
CREATE INDEX events_u ON events (user_id);
-- file
DROP INDEX events_u;

-- case: drop idx conc partitioned
-- given
CREATE INDEX events_u ON events (user_id);
-- file; finds drop-index-without-concurrently; fails 0A000
DROP INDEX CONCURRENTLY IF EXISTS events_u;

-- case: index on only parent + attach
-- file
CREATE INDEX ev ON ONLY events (id);
CREATE INDEX CONCURRENTLY e24 ON events_2024 (id);
CREATE INDEX CONCURRENTLY erest ON events_rest (id);
ALTER INDEX ev ATTACH PARTITION e24;
ALTER INDEX ev ATTACH PARTITION erest;

-- case: domain constrained in create table
-- file
CREATE TABLE n (id int PRIMARY KEY, e email_address);

-- case: domain over domain
-- given
CREATE DOMAIN d2 AS email_address;
CREATE DOMAIN plain AS text;
-- file; finds column-of-constrained-domain
ALTER TABLE users ADD COLUMN e2 d2;
ALTER TABLE users ADD COLUMN p plain;
ALTER TABLE users ADD COLUMN arr email_address[];

-- case: domain new in file
-- file; finds column-of-constrained-domain
CREATE DOMAIN posint AS int CHECK (VALUE > 0);
ALTER TABLE users ADD COLUMN n posint;

-- case: domain alter add constraint
-- file; finds domain-constraint-without-not-valid
ALTER DOMAIN email_address ADD CONSTRAINT l CHECK (length(VALUE) < 500);

-- case: domain alter not valid + validate
-- file
ALTER DOMAIN email_address ADD CONSTRAINT l CHECK (length(VALUE) < 500) NOT VALID;
-- file; finds domain-constraint-without-not-valid
ALTER DOMAIN email_address VALIDATE CONSTRAINT l;

-- case: domain unused
-- file
CREATE DOMAIN dd AS int;
ALTER DOMAIN dd ADD CONSTRAINT x CHECK (VALUE > 0);
ALTER DOMAIN dd SET NOT NULL;

-- case: domain drop not null/set default
-- file
ALTER DOMAIN email_address SET DEFAULT 'a@b';
ALTER DOMAIN email_address DROP NOT NULL;

-- case: type domain->base
-- file
ALTER TABLE users ALTER COLUMN contact TYPE text;

-- case: type base->domain
-- file; finds column-type-rewrite, narrowing-type-change
ALTER TABLE users ALTER COLUMN email TYPE email_address;

-- case: type to unconstrained domain
-- given
CREATE DOMAIN plain AS text;
-- file
ALTER TABLE users ALTER COLUMN email TYPE plain;

-- case: do exec constant
-- file; finds check-without-not-valid
DO $$ BEGIN EXECUTE 'ALTER TABLE users ADD CHECK (age > -1)'; END $$;

-- case: do exec dollar constant
-- file; finds index-without-concurrently
DO $do$ BEGIN EXECUTE $q$ CREATE INDEX ui ON users (age) $q$; END $do$;

-- case: do exec E string
-- file; finds index-without-concurrently
DO $do$ BEGIN EXECUTE E'CREATE INDEX ui ON users (age)'; END $do$;

-- case: do exec concat of constants
-- file; finds index-without-concurrently
DO $do$ BEGIN EXECUTE 'CREATE INDEX ui ' || 'ON users (age)'; END $do$;

-- case: do exec format const
-- file; finds index-without-concurrently
DO $do$ BEGIN EXECUTE format('CREATE INDEX ui ON users (age)'); END $do$;

-- case: do exec format dynamic
-- file
DO $do$ DECLARE t text; BEGIN FOR t IN SELECT 'orders' LOOP EXECUTE format('ALTER TABLE %I ADD COLUMN zz int', t); END LOOP; END $do$;

-- case: do exec variable
-- file; fails 2BP01
DO $do$ DECLARE q text := 'DROP TABLE orders'; BEGIN EXECUTE q; END $do$;

-- case: do if exists guard
-- file
DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = 'x') THEN ALTER TABLE users ADD CONSTRAINT x CHECK (age > -5) NOT VALID; END IF; END $$;

-- case: do exception block type
-- file
DO $$ BEGIN CREATE TYPE st AS ENUM ('a','b'); EXCEPTION WHEN duplicate_object THEN NULL; END $$;

-- case: fn body with perform
-- file
CREATE FUNCTION drop_it() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM 1; TRUNCATE orders; END $$;

-- case: fn called
-- file; finds truncate
CREATE FUNCTION drop_it() RETURNS void LANGUAGE plpgsql AS $$ BEGIN TRUNCATE orders; END $$;
SELECT drop_it();

-- case: fn called via do perform
-- file; finds truncate
CREATE FUNCTION drop_it() RETURNS void LANGUAGE plpgsql AS $$ BEGIN TRUNCATE orders; END $$;
DO $$ BEGIN PERFORM drop_it(); END $$;

-- case: fn standard body atomic
-- file
CREATE FUNCTION s() RETURNS bigint LANGUAGE sql BEGIN ATOMIC DELETE FROM orders; SELECT 1::bigint; END;

-- case: fn sql body string
-- file; finds delete-rows, update-or-delete-without-where
CREATE FUNCTION s() RETURNS bigint LANGUAGE sql AS 'DELETE FROM orders; SELECT 1::bigint';
SELECT s();

-- case: procedure with commit call
-- file; finds concurrently-in-transaction, update-or-delete-without-where; fails 2D000
CREATE PROCEDURE pr() LANGUAGE plpgsql AS $$ BEGIN UPDATE users SET age = 1; COMMIT; END $$;
CALL pr();

-- case: trigger fn delete all
-- file
CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM audit WHERE id < NEW.id - 100; RETURN NEW; END $$;

-- case: enum add use same tx
-- file; finds enum-value-used-in-transaction; fails 55P04
ALTER TYPE mood ADD VALUE 'great';
UPDATE users SET current_mood = 'great' WHERE id = 1;

-- case: enum add use default
-- file; finds enum-value-used-in-transaction; fails 55P04
ALTER TYPE mood ADD VALUE 'great';
ALTER TABLE users ALTER COLUMN current_mood SET DEFAULT 'great';

-- case: enum add then text use elsewhere
-- file
ALTER TYPE mood ADD VALUE 'great';
INSERT INTO audit VALUES (9999, 'great');

-- case: enum add in own tx then use
-- file
BEGIN;
ALTER TYPE mood ADD VALUE IF NOT EXISTS 'great' AFTER 'ok';
COMMIT;
BEGIN;
UPDATE users SET current_mood = 'great' WHERE id = 1;
COMMIT;

-- case: enum quoted schema
-- given
CREATE SCHEMA app;
CREATE TYPE app."Mood" AS ENUM ('x');
-- file; finds enum-value-used-in-transaction; fails 55P04
ALTER TYPE app."Mood" ADD VALUE 'y';
CREATE TABLE n (id int PRIMARY KEY, m app."Mood" DEFAULT 'y');

-- case: set local outside tx (cic file)
-- file; finds lock-timeout-without-effect
SET LOCAL lock_timeout = '2s';
CREATE INDEX CONCURRENTLY ui ON users (age);

-- case: set local ok
-- file
SET LOCAL lock_timeout = '2s';
ALTER TABLE users ADD COLUMN z int;

-- case: set local no-transaction
-- file; finds lock-timeout-without-effect
-- drydock: no-transaction
SET LOCAL lock_timeout = '2s'; ALTER TABLE users ADD COLUMN z int;

-- case: set lock_timeout 0
-- file; finds lock-timeout-without-effect
SET lock_timeout = 0;
ALTER TABLE users ADD COLUMN z int;

-- case: reset all
-- file; finds lock-timeout-without-effect
RESET ALL;
ALTER TABLE users ADD COLUMN z int;

-- case: set lock_timeout 5min, 1h
-- file; finds lock-timeout-without-effect
SET lock_timeout = '1h';
ALTER TABLE users ADD COLUMN z int;

-- case: multi alter mixture
-- file; finds column-type-rewrite, drop-column
ALTER TABLE users ADD COLUMN z int DEFAULT 1, ALTER COLUMN name TYPE varchar(100), ALTER COLUMN age TYPE bigint, DROP COLUMN legacy_code, ADD CONSTRAINT nn CHECK (age > -1) NOT VALID;

-- case: multi add + set not null on the same stmt
-- file; finds set-not-null-scans
ALTER TABLE users ADD COLUMN z int DEFAULT 1, ALTER COLUMN z SET NOT NULL;

-- case: add column + default alter later
-- file
ALTER TABLE users ADD COLUMN z uuid, ALTER COLUMN z SET DEFAULT gen_random_uuid();

-- case: add column if not exists existing
-- file
ALTER TABLE users ADD COLUMN IF NOT EXISTS email text NOT NULL DEFAULT gen_random_uuid()::text;

-- case: add unique using index
-- file
CREATE UNIQUE INDEX CONCURRENTLY u_e ON users (email);
-- file
ALTER TABLE users ADD CONSTRAINT u_e UNIQUE USING INDEX u_e;

-- case: pk using index nullable
-- given
CREATE UNIQUE INDEX oi ON orders (id, user_id);
-- file
CREATE UNIQUE INDEX CONCURRENTLY u_e ON users (email);
-- file; finds logical-replication-broken
ALTER TABLE orders DROP CONSTRAINT orders_pkey, ADD CONSTRAINT orders_pkey PRIMARY KEY USING INDEX oi;

-- case: audit pk using index notnull
-- file
CREATE UNIQUE INDEX CONCURRENTLY ai ON audit (id);
-- file
ALTER TABLE audit ADD PRIMARY KEY USING INDEX ai;

-- case: audit pk composite nullable
-- file
CREATE UNIQUE INDEX CONCURRENTLY ai ON audit (id, note);
-- file; finds primary-key-on-nullable-column
ALTER TABLE audit ADD PRIMARY KEY USING INDEX ai;

-- case: add column pk inline
-- file; finds column-with-inline-unique, column-not-null-without-default; fails 23502
ALTER TABLE audit ADD COLUMN k bigint PRIMARY KEY;

-- case: add column generated identity
-- file; finds identity-column-on-existing-table, column-with-inline-unique
ALTER TABLE audit ADD COLUMN k bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;

-- case: identity on existing column
-- file
ALTER TABLE audit ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY;

-- case: drop identity/expression/default
-- file
ALTER TABLE users ALTER COLUMN legacy_code DROP DEFAULT;

-- case: generated stored
-- file; finds stored-generated-column
ALTER TABLE users ADD COLUMN k text GENERATED ALWAYS AS (lower(email)) STORED;

-- case: inline references null default
-- file; finds foreign-key-without-index, column-with-reference, foreign-key-without-index
ALTER TABLE users ADD COLUMN o bigint REFERENCES orders (id), ADD o2 bigint DEFAULT NULL REFERENCES orders;

-- case: inline references default value
-- file; finds column-with-reference, foreign-key-without-index
ALTER TABLE users ADD COLUMN o bigint DEFAULT 1 REFERENCES orders (id);

-- case: references not valid inline? table fk not valid
-- file; finds foreign-key-without-index
ALTER TABLE users ADD CONSTRAINT f FOREIGN KEY (organization_id) REFERENCES organizations (id) NOT VALID;
-- file
ALTER TABLE users VALIDATE CONSTRAINT f;

-- case: type: varchar shrink, using
-- file; finds column-type-rewrite, narrowing-type-change
ALTER TABLE users ALTER COLUMN name TYPE varchar(20) USING substr(name, 1, 20);

-- case: type: int->text
-- file; finds column-type-rewrite
ALTER TABLE users ALTER COLUMN age TYPE text;

-- case: type: timestamptz
-- given
ALTER TABLE audit ADD COLUMN at timestamp;
-- file; finds column-type-rewrite
ALTER TABLE audit ALTER COLUMN at TYPE timestamptz;

-- case: type: timestamp precision
-- given
ALTER TABLE audit ADD COLUMN at timestamp(3), ADD t2 timestamp, ADD iv interval, ADD vb varbit(4), ADD b bit(4), ADD n numeric, ADD c char(4), ADD nn numeric(10,2);
-- file; finds column-type-rewrite, narrowing-type-change, column-type-rewrite, narrowing-type-change, column-type-rewrite, column-type-rewrite, narrowing-type-change
ALTER TABLE audit ALTER COLUMN at TYPE timestamp(6);
ALTER TABLE audit ALTER at TYPE timestamp;
ALTER TABLE audit ALTER t2 TYPE timestamp(3);
ALTER TABLE audit ALTER vb TYPE varbit(8);
ALTER TABLE audit ALTER b TYPE varbit;
ALTER TABLE audit ALTER nn TYPE numeric(12,2);
ALTER TABLE audit ALTER nn TYPE numeric;
ALTER TABLE audit ALTER nn TYPE numeric(14,2);
ALTER TABLE audit ALTER c TYPE text;
ALTER TABLE audit ALTER iv TYPE interval(3);

-- case: type enum->text
-- file; finds column-type-rewrite
ALTER TABLE users ALTER COLUMN current_mood TYPE text;

-- case: type text->text array
-- file; finds column-type-rewrite
ALTER TABLE users ALTER COLUMN email TYPE text[] USING ARRAY[email];

-- case: type with default expr
-- file
ALTER TABLE users ALTER COLUMN legacy_code TYPE varchar(40);

-- case: type same collate
-- file; finds collation-change-rebuilds-indexes
ALTER TABLE users ALTER COLUMN name TYPE varchar(50) COLLATE "C";

-- case: type on indexed col widening
-- file
ALTER TABLE users ALTER COLUMN name TYPE text;

-- case: type via SET DATA TYPE with partial index
-- given
CREATE INDEX part ON users (id) WHERE display_name = 'x';
CREATE INDEX ex ON users (lower(name));
-- file; finds column-type-change-checks-again
ALTER TABLE users ALTER COLUMN name SET DATA TYPE text;

-- case: type widening with view
-- file; finds column-used-by-view; fails 0A000
ALTER TABLE users ALTER COLUMN display_name TYPE text;

-- case: drop column view
-- file; finds column-used-by-view, drop-column; fails 2BP01
ALTER TABLE users DROP COLUMN display_name;

-- case: drop column in view cascade
-- file; finds drop-column, drop-cascade
ALTER TABLE users DROP COLUMN display_name CASCADE;

-- case: drop column with index/fk
-- file; finds drop-column
ALTER TABLE members DROP COLUMN organization_id;

-- case: drop constraint fk
-- file
ALTER TABLE orders DROP CONSTRAINT orders_user_id_fkey;

-- case: drop constraint check
-- file
ALTER TABLE orders DROP CONSTRAINT orders_code_check;

-- case: drop pk with dependants
-- file; finds logical-replication-broken; fails 2BP01
ALTER TABLE users DROP CONSTRAINT users_pkey;

-- case: drop table referenced
-- file; finds drop-table; fails 2BP01
DROP TABLE organizations;

-- case: drop table referenced cascade
-- file; finds drop-table, drop-cascade
DROP TABLE organizations CASCADE;

-- case: drop several
-- file; finds drop-table, drop-table
DROP TABLE IF EXISTS audit, bookings;

-- case: drop constraint index
-- file; finds drop-index-without-concurrently; fails 2BP01
DROP INDEX users_pkey;

-- case: drop index with constraint CIC
-- file; finds drop-index-without-concurrently; fails 2BP01
DROP INDEX CONCURRENTLY IF EXISTS orders_pkey;

-- case: a view dropped beside a trigger and its function
-- file; finds drop-breaks-running-code
DROP TRIGGER users_touch ON users;
DROP FUNCTION touch();
DROP VIEW active_users;

-- case: drop matview
-- file; finds drop-breaks-running-code
DROP MATERIALIZED VIEW order_totals;

-- case: drop function/type/schema
-- file; finds drop-cascade, drop-cascade, drop-breaks-running-code
DROP FUNCTION IF EXISTS touch() CASCADE;
DROP TYPE mood CASCADE;

-- case: temp tables
-- file
CREATE TEMP TABLE t AS SELECT * FROM users;
CREATE INDEX ON t (id);
UPDATE t SET age = 1;
DELETE FROM t;
DROP TABLE t;
CREATE TEMPORARY TABLE users (id int) ON COMMIT DROP;
DELETE FROM users;
ALTER TABLE users ADD COLUMN x serial;

-- case: pg_temp schema
-- file
CREATE TABLE pg_temp.t (id int);
ALTER TABLE pg_temp.t ADD COLUMN x serial;
DELETE FROM pg_temp.t;

-- case: unlogged new
-- file
CREATE UNLOGGED TABLE u (id int PRIMARY KEY);
ALTER TABLE u SET LOGGED;

-- case: extension / listen / grant / comment
-- file
CREATE EXTENSION IF NOT EXISTS pgcrypto;
LISTEN foo;
NOTIFY foo;
GRANT SELECT ON users TO PUBLIC;
COMMENT ON TABLE users IS 'x';
COMMENT ON COLUMN users.email IS 'y';
ANALYZE users;
SELECT 1;
SHOW lock_timeout;

-- case: alter default privileges, revoke
-- file
REVOKE ALL ON users FROM PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;

-- case: alter table owner / cluster / storage params
-- file
ALTER TABLE users OWNER TO CURRENT_USER;
ALTER TABLE users SET (fillfactor = 80, autovacuum_enabled = false);
ALTER TABLE users ALTER COLUMN email SET STATISTICS 500;
ALTER TABLE users ALTER COLUMN email SET STORAGE EXTERNAL;
ALTER TABLE users ALTER email SET (n_distinct = 5);
ALTER TABLE users CLUSTER ON users_pkey;

-- case: set schema / rename
-- given
CREATE SCHEMA app;
-- file; finds rename-breaks-running-code, rename-breaks-running-code, rename-breaks-running-code, work-after-exclusive-lock
ALTER TABLE audit SET SCHEMA app;
ALTER TABLE app.audit RENAME TO log;
ALTER TABLE app.log RENAME COLUMN note TO text_note;
ALTER INDEX users_name_idx RENAME TO uni;
ALTER TABLE orders RENAME CONSTRAINT orders_code_check TO occ;

-- case: rule/trigger/policy
-- file; finds work-after-exclusive-lock
CREATE RULE r AS ON DELETE TO audit DO INSTEAD NOTHING;
CREATE TRIGGER tt AFTER UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE orders DISABLE TRIGGER tt;
DROP TRIGGER tt ON orders;
ALTER TABLE audit ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON audit USING (true);
DROP POLICY p ON audit;
ALTER TABLE orders DISABLE TRIGGER USER;

-- case: constraint trigger
-- file
CREATE CONSTRAINT TRIGGER ct AFTER INSERT ON orders FROM users DEFERRABLE FOR EACH ROW EXECUTE FUNCTION touch();

-- case: cte delete archive
-- file; finds delete-rows, update-or-delete-without-where
WITH moved AS (DELETE FROM audit RETURNING *) INSERT INTO orders SELECT id + 100000, 1, 'x' FROM moved;

-- case: update where true / 1=1 / id is not null
-- file; finds update-or-delete-without-where, update-or-delete-without-where, delete-rows
UPDATE users SET age = 1 WHERE true;
UPDATE users SET age = 1 WHERE 1=1;
UPDATE users SET age = 1 WHERE id IS NOT NULL;
UPDATE users SET age = 2 WHERE id = 5;
DELETE FROM users WHERE id IN (1,2) AND false;

-- case: update by key
-- file; finds delete-rows
UPDATE users SET age = 2 WHERE id = 5;
DELETE FROM orders WHERE orders.id = 5;
UPDATE users SET age = 3 WHERE id IN (1, 2, 3);

-- case: backfill in same tx as ddl
-- file; finds backfill-under-lock
ALTER TABLE users ADD COLUMN z int;
UPDATE users SET z = age WHERE z IS NULL;

-- case: insert lookup rows after ddl
-- file; finds backfill-under-lock
CREATE TABLE lk (id int PRIMARY KEY, n text);
INSERT INTO lk VALUES (1,'a');
ALTER TABLE users ADD COLUMN lk_id int;
INSERT INTO lk SELECT g, 'x' FROM generate_series(2,5) g;

-- case: merge
-- file; since 15; finds delete-rows
MERGE INTO audit a USING orders o ON a.id = o.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN DO NOTHING;

-- case: reindex
-- file; finds reindex-without-concurrently
REINDEX TABLE users;

-- case: vacuum full / cluster
-- file; finds vacuum-full-or-cluster, vacuum-full-or-cluster
VACUUM (FULL, ANALYZE) users;
CLUSTER users USING users_pkey;

-- case: vacuum full false
-- file
VACUUM (FULL false) users;

-- case: refresh
-- file; finds refresh-without-concurrently
REFRESH MATERIALIZED VIEW order_totals;
REFRESH MATERIALIZED VIEW CONCURRENTLY order_totals;

-- case: begin isolation, end
-- file
BEGIN ISOLATION LEVEL SERIALIZABLE;
ALTER TABLE users ADD COLUMN z int;
END;

-- case: lock then index build other table
-- file; finds index-without-concurrently, work-after-exclusive-lock
ALTER TABLE users ADD COLUMN z int;
CREATE INDEX oi ON orders (code);

-- case: fk new table + alter
-- file
CREATE TABLE n (id bigint PRIMARY KEY);
ALTER TABLE n ADD COLUMN u bigint REFERENCES users;
ALTER TABLE n ADD CONSTRAINT f2 FOREIGN KEY (id) REFERENCES orders (id);

-- case: create table like/inherits/of
-- file
CREATE TABLE l (LIKE users INCLUDING ALL);
CREATE TABLE inh () INHERITS (audit);

-- case: create table if not exists existing
-- file; finds if-not-exists-on-existing-table, index-without-concurrently
CREATE TABLE IF NOT EXISTS users (id bigint PRIMARY KEY, extra text);
CREATE INDEX ue ON users (email);

-- case: create view/fn replace
-- file
CREATE OR REPLACE VIEW active_users AS SELECT id, display_name FROM users WHERE age > 1;
CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;

-- case: security definer
-- file; finds security-change, security-change
CREATE FUNCTION sd() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS 'SELECT 1';
CREATE FUNCTION sd2() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
ALTER FUNCTION touch() SECURITY DEFINER;

-- case: truncate cascade
-- file; finds truncate
TRUNCATE organizations CASCADE;

-- case: truncate no cascade referenced
-- file; finds truncate; fails 0A000
TRUNCATE organizations;

-- case: search_path
-- given
CREATE SCHEMA app;
CREATE TABLE app.things (id int PRIMARY KEY);
-- file; finds index-without-concurrently, index-without-concurrently
SET search_path TO app, public;
CREATE INDEX ti ON things (id);
CREATE INDEX ui ON users (age);

-- case: search_path new
-- file
CREATE SCHEMA app;
SET search_path TO app;
CREATE TABLE things (id int PRIMARY KEY);
CREATE INDEX ti ON app.things (id);
ALTER TABLE things ADD COLUMN s serial;

-- case: search_path local reset
-- file; finds serial-column-on-existing-table
CREATE SCHEMA app;
SET LOCAL search_path TO app;
CREATE TABLE users (id int PRIMARY KEY);
ALTER TABLE users ADD COLUMN s serial;
RESET search_path;
ALTER TABLE users ADD COLUMN s2 serial;

-- case: create schema with elements
-- file
CREATE SCHEMA app CREATE TABLE inside (id int PRIMARY KEY) CREATE INDEX ii ON inside (id);
ALTER TABLE app.inside ADD COLUMN z serial;

-- case: drop then recreate
-- file; finds drop-table
DROP TABLE IF EXISTS audit;
CREATE TABLE audit (id int PRIMARY KEY);
CREATE INDEX ai ON audit (id);

-- case: rename old away, create new
-- file; finds rename-breaks-running-code, backfill-under-lock, index-without-concurrently, work-after-exclusive-lock
ALTER TABLE audit RENAME TO audit_old;
CREATE TABLE audit (id bigint PRIMARY KEY, note text);
INSERT INTO audit SELECT * FROM audit_old;
CREATE INDEX an ON audit (note);
CREATE INDEX ao ON audit_old (note);

-- case: alter sequence / view / type attr
-- given
CREATE TYPE comp AS (a int);
CREATE SEQUENCE sq;
-- file; finds rename-breaks-running-code, drop-column, rename-breaks-running-code
ALTER SEQUENCE sq RESTART;
ALTER VIEW active_users RENAME TO au;
ALTER TYPE comp ADD ATTRIBUTE b int;
ALTER TYPE comp DROP ATTRIBUTE a;
ALTER VIEW au RENAME COLUMN id TO uid;

-- case: unique deferrable
-- file; finds unique-constraint-without-index
ALTER TABLE users ADD CONSTRAINT ue UNIQUE (email) DEFERRABLE INITIALLY DEFERRED;

-- case: unique nulls not distinct
-- file; since 15; finds unique-constraint-without-index
ALTER TABLE users ADD CONSTRAINT ue UNIQUE NULLS NOT DISTINCT (email);

-- case: a routine that a DO block performs
-- file; finds truncate
CREATE FUNCTION drop_it() RETURNS void LANGUAGE plpgsql AS $$ BEGIN TRUNCATE orders; END $$;
DO $$ BEGIN PERFORM drop_it(); END $$;

-- case: for delete returning
-- file; finds delete-rows
DO $$ DECLARE r record; BEGIN FOR r IN DELETE FROM orders WHERE id < 10 RETURNING id LOOP NULL; END LOOP; END $$;

-- case: return query
-- file; finds delete-rows
CREATE FUNCTION q() RETURNS SETOF bigint LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY DELETE FROM orders WHERE id < 10 RETURNING id; END $$;
SELECT * FROM q();

-- case: perform line offset
-- file; finds check-without-not-valid
DO $$
BEGIN
  PERFORM 1;
  PERFORM pg_sleep(0);
  ALTER TABLE users ADD CHECK (age > -1);
END $$;

-- case: recursive
-- file
CREATE FUNCTION r1() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM r1(); DELETE FROM audit; END $$;
CREATE FUNCTION r2() RETURNS void LANGUAGE sql AS 'SELECT 1';
