-- Nobody reads the old code.
-- drydock: allow drop-column because no release since 12 names it, and the backup of May holds it
ALTER TABLE users DROP COLUMN IF EXISTS legacy_code;
