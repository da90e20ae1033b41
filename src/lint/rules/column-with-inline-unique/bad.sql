-- Users choose a handle.
ALTER TABLE users ADD COLUMN handle text UNIQUE;
