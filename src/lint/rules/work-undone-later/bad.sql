-- Users are looked up by age and name.
CREATE INDEX CONCURRENTLY users_age_idx ON users (age);
CREATE INDEX CONCURRENTLY users_age_name_idx ON users (age, name);
DROP INDEX CONCURRENTLY users_age_idx;
