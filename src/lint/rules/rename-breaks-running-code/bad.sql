-- The old column is kept under another name.
ALTER TABLE users RENAME COLUMN legacy_code TO legacy_code_deprecated;
