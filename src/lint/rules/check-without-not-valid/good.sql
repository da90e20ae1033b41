-- Nobody is younger than zero.
ALTER TABLE users ADD CONSTRAINT users_age_check CHECK (age >= 0) NOT VALID;
BEGIN;
ALTER TABLE users VALIDATE CONSTRAINT users_age_check;
COMMIT;
