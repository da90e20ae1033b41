-- The index on names covers the age too.
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_name_age_idx ON users (name, age);
DROP INDEX CONCURRENTLY IF EXISTS users_name_idx;
