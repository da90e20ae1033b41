-- Every user belongs to the first organization until moved.
ALTER TABLE users ADD COLUMN IF NOT EXISTS home_id bigint DEFAULT 1;
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_home_id_idx ON users (home_id);
ALTER TABLE users ADD CONSTRAINT users_home_fkey FOREIGN KEY (home_id) REFERENCES organizations (id) NOT VALID;
BEGIN;
ALTER TABLE users VALIDATE CONSTRAINT users_home_fkey;
COMMIT;
