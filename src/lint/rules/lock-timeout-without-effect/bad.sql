-- Users have a locale, however long it takes.
SET lock_timeout = 0;
ALTER TABLE users ADD COLUMN locale text;
