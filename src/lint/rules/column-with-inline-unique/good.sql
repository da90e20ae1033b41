-- Users choose a handle.
ALTER TABLE users ADD COLUMN IF NOT EXISTS handle text;
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS users_handle_key ON users (handle);
ALTER TABLE users ADD CONSTRAINT users_handle_key UNIQUE USING INDEX users_handle_key;
