-- Users have a note.
ALTER TABLE users ADD COLUMN IF NOT EXISTS note text;
