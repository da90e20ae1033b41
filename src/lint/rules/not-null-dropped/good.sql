-- Orders have a note, which may be NULL.
ALTER TABLE orders ADD COLUMN IF NOT EXISTS note text;
