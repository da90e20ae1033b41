-- Users are looked up by age. Drydock runs this statement alone.
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_age_idx ON users (age);
