-- When a user last logged in. Nullable without a default: no row is written, whatever the size.
BEGIN;

ALTER TABLE users ADD COLUMN IF NOT EXISTS last_seen_at TIMESTAMPTZ;

COMMIT;
