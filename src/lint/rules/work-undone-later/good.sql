-- Users are looked up by age and name.
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_age_name_idx ON users (age, name);
