-- Users have a locale.
ALTER TABLE users ADD COLUMN IF NOT EXISTS locale text;
