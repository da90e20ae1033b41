-- Every user has an address.
ALTER TABLE users ALTER COLUMN email SET NOT NULL;
