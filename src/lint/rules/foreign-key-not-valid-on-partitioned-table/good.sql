-- Each event belongs to a user: first in the partitions, each checked without blocking writes.
CREATE INDEX CONCURRENTLY IF NOT EXISTS events_2024_user_id_idx ON events_2024 (user_id);
ALTER TABLE events_2024 ADD CONSTRAINT events_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID;
BEGIN;
ALTER TABLE events_2024 VALIDATE CONSTRAINT events_user_fkey;
COMMIT;
