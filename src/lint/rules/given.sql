-- The schema that every rule's examples start from.
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN email_address AS text CHECK (VALUE LIKE '%@%');

CREATE TABLE organizations (
  id bigint PRIMARY KEY,
  name text NOT NULL
);

CREATE TABLE users (
  id bigint PRIMARY KEY,
  organization_id bigint,
  email text,
  name varchar(50),
  display_name varchar(50),
  age integer,
  balance numeric(10, 2),
  current_mood mood,
  contact email_address,
  legacy_code varchar(20) DEFAULT 'none'
);
CREATE INDEX users_name_idx ON users (name);

CREATE TABLE orders (
  id bigint PRIMARY KEY,
  user_id bigint NOT NULL REFERENCES users (id),
  code varchar(20) CONSTRAINT orders_code_check CHECK (code <> '')
);
CREATE INDEX orders_user_id_idx ON orders (user_id);

CREATE TABLE members (
  id bigint PRIMARY KEY,
  organization_id integer REFERENCES organizations (id)
);
CREATE INDEX members_organization_id_idx ON members (organization_id);

CREATE TABLE audit (
  id bigint NOT NULL,
  note text
);

CREATE TABLE bookings (
  id bigint PRIMARY KEY,
  during tsrange NOT NULL
);

-- Partitioned, with a DEFAULT partition.
CREATE TABLE events (
  id bigint NOT NULL,
  user_id bigint,
  happened_on date NOT NULL,
  payload text
) PARTITION BY RANGE (happened_on);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE events_rest PARTITION OF events DEFAULT;

-- Partitioned, without one.
CREATE TABLE readings (
  taken_on date NOT NULL,
  value numeric
) PARTITION BY RANGE (taken_on);
CREATE TABLE readings_2024 PARTITION OF readings FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE readings_2023 (
  taken_on date NOT NULL,
  value numeric
);

CREATE VIEW active_users AS SELECT id, display_name FROM users;
CREATE MATERIALIZED VIEW order_totals AS SELECT user_id, count(*) AS orders FROM orders GROUP BY user_id;
CREATE UNIQUE INDEX order_totals_user_id_idx ON order_totals (user_id);

CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RETURN NEW;
END
$$;
CREATE TRIGGER users_touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();

INSERT INTO organizations SELECT n, 'organization ' || n FROM generate_series(1, 20) n;
INSERT INTO members SELECT n, n FROM generate_series(1, 20) n;
INSERT INTO users
  SELECT n, 1 + n % 20, 'user' || n || '@example.com', 'name ' || n % 90, 'display ' || n, n % 80, n, 'ok', 'a@b', 'x'
  FROM generate_series(1, 500) n;
INSERT INTO orders SELECT n, 1 + n % 500, 'code ' || n FROM generate_series(1, 2000) n;
INSERT INTO audit SELECT n, 'note ' || n FROM generate_series(1, 500) n;
INSERT INTO bookings SELECT n, tsrange('2024-01-01'::timestamp + n * interval '1 day', '2024-01-01'::timestamp + n * interval '1 day' + interval '1 hour') FROM generate_series(1, 200) n;
INSERT INTO events SELECT n, n, date '2024-01-01' + n, 'payload ' || n FROM generate_series(1, 600) n;
INSERT INTO readings SELECT date '2024-01-01' + n, n FROM generate_series(1, 300) n;
INSERT INTO readings_2023 SELECT date '2023-01-01' + n, n FROM generate_series(1, 300) n;
REFRESH MATERIALIZED VIEW order_totals;
