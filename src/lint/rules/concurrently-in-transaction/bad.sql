-- fails: 25001
BEGIN;
CREATE INDEX CONCURRENTLY users_age_idx ON users (age);
COMMIT;
