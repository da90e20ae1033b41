-- Users have a locale.
CREATE TABLE IF NOT EXISTS users (id bigint PRIMARY KEY, locale text);
