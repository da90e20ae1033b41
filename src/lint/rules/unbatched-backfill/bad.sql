-- Users without an address get one.
UPDATE users SET email = 'unknown@example.com' WHERE email IS NULL;
