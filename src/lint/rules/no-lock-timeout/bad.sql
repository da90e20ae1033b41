-- Users have a locale.
ALTER TABLE users ADD COLUMN locale text;
