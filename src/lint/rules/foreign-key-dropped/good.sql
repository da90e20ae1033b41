-- Orders have a note.
ALTER TABLE orders ADD COLUMN IF NOT EXISTS note text;
