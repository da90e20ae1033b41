-- Users have a note and a locale.
ALTER TABLE users
  ADD COLUMN IF NOT EXISTS note text,
  ADD COLUMN IF NOT EXISTS locale text;
