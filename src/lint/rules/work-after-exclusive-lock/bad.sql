-- Users and orders have a note.
BEGIN;
ALTER TABLE users ADD COLUMN note text;
ALTER TABLE orders ADD COLUMN note text;
COMMIT;
