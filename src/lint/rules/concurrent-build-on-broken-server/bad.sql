-- server: 140002
CREATE INDEX CONCURRENTLY users_age_idx ON users (age);
