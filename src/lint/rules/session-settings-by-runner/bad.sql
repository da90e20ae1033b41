-- Users have a locale.
SET statement_timeout = '5min';
ALTER TABLE users ADD COLUMN locale text;
