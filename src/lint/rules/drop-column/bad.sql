-- Nobody reads the old code.
ALTER TABLE users DROP COLUMN legacy_code;
