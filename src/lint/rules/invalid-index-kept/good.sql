-- Users are looked up by age.
CREATE INDEX CONCURRENTLY users_age_idx ON users (age);
