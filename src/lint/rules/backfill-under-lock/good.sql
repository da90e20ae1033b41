-- Users have a locale.
BEGIN;
ALTER TABLE users ADD COLUMN IF NOT EXISTS locale text;
COMMIT;
BEGIN;
UPDATE users SET locale = 'en' WHERE organization_id = 1;
COMMIT;
