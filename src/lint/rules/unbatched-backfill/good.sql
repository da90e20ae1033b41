-- Users without an address get one, a few thousand at a time.
-- drydock: batch
UPDATE users SET email = 'unknown@example.com' WHERE email IS NULL;
