-- Users have a note.
BEGIN;
ALTER TABLE users ADD COLUMN IF NOT EXISTS note text;
COMMIT;
