-- Users have a note.
-- drydock: allow drop-column because it was there once
ALTER TABLE users ADD COLUMN IF NOT EXISTS note text;
