-- Users have a locale.
BEGIN;
ALTER TABLE users ADD COLUMN locale text;
UPDATE users SET locale = 'en' WHERE organization_id = 1;
COMMIT;
