-- Every user has an address.
ALTER TABLE users ADD CONSTRAINT users_email_present CHECK (email IS NOT NULL) NOT VALID;
BEGIN;
ALTER TABLE users VALIDATE CONSTRAINT users_email_present;
COMMIT;
BEGIN;
ALTER TABLE users ALTER COLUMN email SET NOT NULL;
ALTER TABLE users DROP CONSTRAINT IF EXISTS users_email_present;
COMMIT;
