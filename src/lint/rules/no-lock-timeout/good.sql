-- Users have a locale.
BEGIN;
SET LOCAL lock_timeout = '500ms';
ALTER TABLE users ADD COLUMN IF NOT EXISTS locale text;
COMMIT;
