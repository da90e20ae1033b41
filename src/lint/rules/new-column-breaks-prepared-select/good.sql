-- Users with their locale live in a table of their own.
CREATE TABLE IF NOT EXISTS user_locales (user_id bigint PRIMARY KEY, locale text NOT NULL);
