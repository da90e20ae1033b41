-- Users have a note and a locale.
ALTER TABLE users ADD COLUMN note text;
ALTER TABLE users ADD COLUMN locale text;
