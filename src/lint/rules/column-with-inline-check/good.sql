-- Users collect points.
ALTER TABLE users ADD COLUMN IF NOT EXISTS points integer;
ALTER TABLE users ADD CONSTRAINT users_points_check CHECK (points >= 0) NOT VALID;
BEGIN;
ALTER TABLE users VALIDATE CONSTRAINT users_points_check;
COMMIT;
