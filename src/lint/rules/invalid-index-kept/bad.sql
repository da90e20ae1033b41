-- Users are looked up by age.
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_age_idx ON users (age);
