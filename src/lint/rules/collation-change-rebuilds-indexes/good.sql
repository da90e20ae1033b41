-- Names are sorted by code point, where a query asks for it.
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_name_c_idx ON users (name COLLATE "C");
