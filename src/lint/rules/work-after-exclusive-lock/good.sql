-- Users and orders have a note.
BEGIN;
ALTER TABLE users ADD COLUMN IF NOT EXISTS note text;
COMMIT;
BEGIN;
ALTER TABLE orders ADD COLUMN IF NOT EXISTS note text;
COMMIT;
